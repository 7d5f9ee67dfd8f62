//! Holds the code to the map of the house in the README: which room may use which, where `unsafe` and memory orderings
//! live, how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms that may hold `unsafe`.
const UNSAFE_ROOMS: [&str; 3] = ["region", "signal", "lock"];

/// The files that may choose a memory ordering. The room `atomic` passes orderings on.
const ORDERING_FILES: [&str; 4] = ["protocol/status.rs", "protocol/words.rs", "protocol/layout.rs", "sync.rs"];

/// Files stay around 300 lines; beyond this one wants splitting.
const MOST_LINES: usize = 350;

/// Each room and the rooms it may use: the rows of the README's map. `types` and `error` are faces: they only re-export.
fn rooms() -> BTreeMap<String, Vec<String>> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let map =
        readme.split("\n## ").find(|part| part.starts_with("The map of the house")).expect("the README has a map");
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows = map.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').collect::<Vec<_>>());
    cells.map(|cells| (quoted(cells[0]).remove(0), quoted(cells[cells.len() - 1]))).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The files of `src` by their path below it, without comments and without unit tests.
fn sources() -> BTreeMap<String, String> {
    let src = root().join("src");
    let mut sources = BTreeMap::new();
    for path in rust_files(&src) {
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        if name.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        sources.insert(name, lines.collect::<Vec<_>>().join("\n"));
    }
    sources
}

fn room_of(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The rooms that `code` names as `crate::room`, inside groups too.
fn rooms_named(code: &str) -> Vec<String> {
    let names = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => rooms.push(names(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (i, c) in group.char_indices() {
                    match c {
                        '}' if depth == 0 => break,
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            rooms.push(names(&group[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    rooms
}

#[test]
fn every_room_uses_only_the_rooms_that_the_map_allows() {
    let rooms = rooms();
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let room = room_of(&file);
        let Some(allowed) = rooms.get(room) else { continue };
        for used in rooms_named(&code) {
            if rooms.contains_key(&used) && used != room && !allowed.contains(&used) {
                wrong.push(format!("src/{file} uses {used}, but {room} may use only {allowed:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_two_rooms_use_each_other() {
    let rooms = rooms();
    for (room, uses) in &rooms {
        for used in uses {
            assert!(!rooms.get(used).is_some_and(|back| back.contains(room)), "{room} and {used} use each other");
        }
    }
}

#[test]
fn every_file_is_in_a_room_of_the_map_and_every_room_has_files() {
    let rooms = rooms();
    let mut found = Vec::new();
    for file in sources().keys() {
        let room = room_of(file);
        assert!(
            rooms.contains_key(room) || ["lib", "types", "error", "fuzzing", "bench"].contains(&room),
            "the map lacks src/{file}"
        );
        found.push(room.to_owned());
    }
    for room in rooms.keys().filter(|room| *room != "macros/") {
        assert!(found.contains(room), "the map shows {room}, which is not there");
    }
}

/// The rows of the tables with `columns` columns in the part of a Markdown file below a heading: the text of each cell.
fn table(file: &str, heading: &str, columns: usize) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let after = text.split_once(heading).unwrap_or_else(|| panic!("{file} has no {heading}")).1;
    let part = after.split("\n## ").next().unwrap();
    let lines = part.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    let rows = lines.map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    // Without the head, the line below it, and the names of groups.
    let rows = rows.skip(2).filter(|cells| !cells[0].starts_with("**"));
    rows.inspect(|cells| assert_eq!(cells.len(), columns, "{file}: {cells:?}")).collect()
}

#[test]
fn every_feature_that_the_readme_claims_is_shown_by_tests_that_exist() {
    let claimed = table("README.md", "\n## Features\n", 7);
    let shown = table("docs/features.md", "# Features, and what shows them\n", 3);
    let ours = |rows: &[Vec<String>]| rows.iter().map(|cells| cells[..2].to_vec()).collect::<Vec<_>>();
    assert!(claimed.len() > 30, "the README's feature table was not read: {} rows", claimed.len());
    assert_eq!(ours(&claimed), ours(&shown), "README.md and docs/features.md differ");
    for cells in shown {
        let names: Vec<_> = cells[2].split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty() || cells[1].starts_with("no"), "nothing shows: {}", cells[0]);
        for pair in names.chunks(2) {
            let [file, test] = pair else { panic!("{}: a file and a test, each in quotes: {names:?}", cells[0]) };
            let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let before = text.split_once(&format!("fn {test}()"));
            let (before, _) = before.unwrap_or_else(|| panic!("{}: there is no test {test} in {file}", cells[0]));
            let attributes = before.rsplit("\n\n").next().unwrap();
            assert!(attributes.contains("test]") || attributes.contains("test("), "{test} in {file} is no test");
        }
    }
}

#[test]
fn unsafe_code_lives_in_the_rooms_named_for_it() {
    for (file, code) in sources() {
        let allowed = UNSAFE_ROOMS.contains(&room_of(&file));
        let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        assert!(allowed || !words.into_iter().any(|word| word == "unsafe"), "src/{file} holds unsafe code");
    }
}

#[test]
fn memory_orderings_are_chosen_in_four_files() {
    for (file, code) in sources() {
        let chosen = ["Ordering::", "sync::atomic"].iter().any(|text| code.contains(text));
        assert!(
            !chosen || ORDERING_FILES.contains(&file.as_str()) || room_of(&file) == "atomic",
            "src/{file} chooses a memory ordering"
        );
    }
}

#[test]
fn the_clock_is_one_that_valgrind_knows() {
    // rustix looks for the kernel's vDSO itself, which valgrind hides, and the process dies of that.
    for (file, code) in sources() {
        assert!(!code.contains("rustix::time"), "src/{file} uses rustix's clock instead of signal::monotonic_nanos");
    }
}

#[test]
fn the_runtime_and_the_slots_do_not_know_tokio() {
    for (file, code) in sources() {
        let above = ["bin", "gateway", "register", "testing", "serve", "lib", "response"].contains(&room_of(&file));
        let below = !above && file != "handler/timeout.rs";
        assert!(!below || !code.contains("tokio::"), "src/{file} knows tokio");
    }
}

#[test]
fn files_are_short_enough_to_read() {
    let folders = ["src", "macros/src", "tests", "examples", "benches"].map(|folder| root().join(folder));
    for path in folders.iter().flat_map(|folder| rust_files(folder)) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines, more than {MOST_LINES}", path.display());
    }
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    for path in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not say what it is for", path.display());
    }
}

/// The Markdown files below a folder.
fn markdown_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| markdown_files(folder));
    files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")).chain(below).collect()
}

/// The text without its code blocks.
fn prose(text: &str) -> Vec<&str> {
    let mut code = false;
    let outside = |line: &&str| {
        let fence = line.trim_start_matches(['>', ' ']).starts_with("```");
        code ^= fence;
        !code && !fence
    };
    text.lines().filter(outside).collect()
}

/// The labels that a Markdown file, or the documentation at the top of a Rust file, defines, and what they lead to.
fn definitions(text: &str) -> BTreeMap<String, &str> {
    let lines = text.lines().map(|line| line.trim_start_matches("//! "));
    let pairs = lines.filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
    pairs.map(|(label, target)| (label.to_lowercase(), target)).collect()
}

/// What the links in the text lead to.
fn inline_links(text: &str) -> Vec<&str> {
    let after = prose(text).into_iter().flat_map(|line| line.split("](").skip(1));
    after.filter_map(|rest| Some(rest.split_once(')')?.0)).collect()
}

#[test]
fn no_link_of_the_readme_or_the_docs_leads_to_a_path_in_the_code_or_to_a_file_that_is_not_there() {
    let mut wrong = Vec::new();
    for file in [vec![root().join("README.md")], markdown_files(&root().join("docs"))].concat() {
        let text = fs::read_to_string(&file).unwrap();
        for target in inline_links(&text).into_iter().chain(definitions(&text).into_values()) {
            let path = target.split('#').next().unwrap();
            let elsewhere = path.is_empty() || path.starts_with("https://");
            if !elsewhere && (path.contains("::") || !file.with_file_name(path).exists()) {
                wrong.push(format!("{} leads to {target}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_link_of_a_guide_leads_to_a_file_in_markdown_and_to_an_item_in_rustdoc() {
    let (src, docs) = (root().join("src"), root().join("docs"));
    let links = fs::read_to_string(src.join("links.md")).unwrap();
    let mut wrong = Vec::new();
    let mut guides = 0;
    for file in markdown_files(&docs) {
        let name = file.strip_prefix(&docs).unwrap().display().to_string();
        let shown_by = rust_files(&src).into_iter().map(|room| fs::read_to_string(room).unwrap());
        let Some(room) =
            shown_by.into_iter().find(|text| text.contains("include_str!") && text.contains(&format!("{name}\"")))
        else {
            continue;
        };
        guides += 1;
        let text = fs::read_to_string(&file).unwrap();
        let defined = definitions(&text);
        let items = if room.contains("\"links.md\"") { format!("{links}{room}") } else { room }.to_lowercase();
        let without = defined.keys().filter(|label| !items.contains(&format!("[{label}]: ")));
        wrong.extend(without.map(|label| format!("{name}: rustdoc is not told of [{label}]")));
        let inline = inline_links(&text).into_iter().filter(|target| !target.starts_with("https://"));
        wrong.extend(inline.map(|target| format!("{name}: {target} wants a label")));
        for used in prose(&text).into_iter().flat_map(|line| line.split("[`").skip(1)) {
            let (label, after) = used.split_once("`]").unwrap_or((used, "("));
            if !after.starts_with('(') && !defined.contains_key(&format!("`{}`", label.to_lowercase())) {
                wrong.push(format!("{name}: [`{label}`] is not defined"));
            }
        }
    }
    assert!(guides > 10, "only {guides} guides were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_cargo_feature_is_in_the_readme_and_in_the_documentation_of_the_crate() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let features = manifest.split_once("\n[features]\n").unwrap().1.split("\n[").next().unwrap();
    let names = features.lines().filter_map(|line| Some(line.split_once(" = [")?.0.to_owned()));
    let names: BTreeSet<_> = names.filter(|name| name != "default" && !name.starts_with("__")).collect();
    let first = |text: &str| text.split('`').nth(1).unwrap().to_owned();
    let readme = table("README.md", "\n## Cargo features\n", 3);
    assert_eq!(readme.iter().map(|cells| first(&cells[0])).collect::<BTreeSet<_>>(), names);
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let list = lib.split_once("//! # Features\n").unwrap().1.split("//! # ").next().unwrap();
    let listed = list.lines().filter(|line| line.starts_with("//! - `")).map(first);
    assert_eq!(listed.collect::<BTreeSet<_>>(), names);
}

#[test]
fn no_example_in_the_docs_hides_a_line_from_who_pastes_it() {
    for file in markdown_files(&root().join("docs")) {
        let text = fs::read_to_string(&file).unwrap();
        for block in text.split("\n```rust").skip(1) {
            let code = block.split("\n```").next().unwrap();
            let hidden = code.lines().find(|line| *line == "#" || line.starts_with("# "));
            assert_eq!(hidden, None, "{} hides a line, which is seen in Markdown", file.display());
        }
    }
}
