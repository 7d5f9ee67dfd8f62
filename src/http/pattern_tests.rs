//! A pattern and the tree must agree on every path, or a handler would see other parameters than the route was chosen by.

use proptest::prelude::*;

use super::*;

fn captures<'a>(pattern: &'a Pattern, path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut captures = pattern.captures(path);
    let found = captures.by_ref().collect();
    (captures.remainder() == Some("")).then_some(found)
}

#[test]
fn both_spellings_are_the_same_pattern() {
    for (colon, braces) in
        [("/a/:id", "/a/{id}"), ("/f/*rest", "/f/{*rest}"), ("/:x/b/:y", "/{x}/b/{y}"), ("/", "/"), ("/a/", "/a/")]
    {
        let pattern = Pattern::parse(colon).unwrap();
        assert_eq!(pattern.as_str(), braces);
        assert_eq!(pattern.colon_form().as_deref(), Some(colon));
        assert_eq!(Pattern::parse(braces).unwrap().as_str(), braces);
    }
}

#[test]
fn a_parameter_inside_a_segment_has_no_colon_form() {
    assert_eq!(Pattern::parse("/img-{id}.png").unwrap().colon_form(), None);
    assert_eq!(Pattern::parse("/img-{id}").unwrap().colon_form(), None);
    assert_eq!(Pattern::parse("/{id}.png").unwrap().colon_form(), None);
}

#[test]
fn a_colon_or_star_inside_a_segment_is_a_letter_like_any_other() {
    assert_eq!(Pattern::parse("/models/x:predict").unwrap().names().count(), 0);
    assert_eq!(Pattern::parse("/a*b").unwrap().names().count(), 0);
}

#[test]
fn what_is_no_pattern_is_refused_with_the_reason() {
    use PatternError::*;
    for (source, error) in [
        ("a", NoLeadingSlash),
        ("", NoLeadingSlash),
        ("/:", Name(String::new())),
        ("/{}", Name(String::new())),
        ("/{a b}", Forbidden(' ')),
        ("/{a.b}", Name("a.b".into())),
        ("/:id/{id}", Repeated("id".into())),
        ("/{a}{b}", Segment("{a}{b}".into())),
        ("/{a", Segment("{a".into())),
        ("/a}", Segment("a}".into())),
        ("/{*rest}/x", RestNotLast("{*rest}".into())),
        ("/x{*rest}", RestNotLast("x{*rest}".into())),
        ("/a?b=1", Forbidden('?')),
    ] {
        assert_eq!(Pattern::parse(source).unwrap_err(), error, "{source}");
    }
}

#[test]
fn values_come_in_the_order_of_the_pattern_as_they_stand_in_the_path() {
    let pattern = Pattern::parse("/u/{user}/img-{id}.png/{*rest}").unwrap();
    assert_eq!(
        captures(&pattern, "/u/a%20b/img-7.png.png/x//y"),
        Some(vec![("user", "a%20b"), ("id", "7.png"), ("rest", "x//y")])
    );
    assert_eq!(captures(&pattern, "/u//img-7.png/x"), None);
    assert_eq!(captures(&pattern, "/u/a/img-.png/x"), None);
    assert_eq!(captures(&pattern, "/u/a/img-7.png/"), None);
}

#[test]
fn params_agree_in_any_order_and_only_when_complete_and_true() {
    let pattern = Pattern::parse("/{a}/{b}").unwrap();
    assert!(pattern.agrees("/1/2", &[("b", "2"), ("a", "1")]));
    assert!(!pattern.agrees("/1/2", &[("a", "1")]));
    assert!(!pattern.agrees("/1/2", &[("a", "1"), ("b", "2"), ("c", "3")]));
    assert!(!pattern.agrees("/1/2", &[("a", "1"), ("b", "9")]));
    assert!(!pattern.agrees("/1/2/3", &[("a", "1"), ("b", "2")]));
}

#[test]
fn a_prefix_covers_itself_and_what_lies_below_it() {
    let prefix = Pattern::parse("/api/{tenant}").unwrap();
    assert!(prefix.covers("/api/x") && prefix.covers("/api/x/") && prefix.covers("/api/x/y"));
    assert!(!prefix.covers("/api") && !prefix.covers("/apix/x") && !prefix.covers("/api/"));
}

proptest! {
    #[test]
    fn the_tree_and_the_pattern_agree(
        pattern in prop::sample::select(vec![
            "/", "/a", "/a/", "/{x}", "/a/{x}", "/a/{x}/", "/{x}/a/{y}", "/p{x}", "/{x}s", "/p{x}s/b", "/{*rest}", "/a/{x}/{*rest}",
        ]),
        path in "/([aps/b%]|as|ps){0,6}",
    ) {
        let parsed = Pattern::parse(pattern).unwrap();
        let mut tree = matchit::Router::new();
        tree.insert(pattern, ()).unwrap();
        let by_tree = tree.at(&path).ok().map(|found| found.params.iter().collect::<Vec<_>>());
        prop_assert_eq!(captures(&parsed, &path), by_tree);
    }
}

#[test]
fn patterns_that_differ_in_names_only_are_one() {
    for (pattern, nameless) in [
        ("/", "/"),
        ("/a/{id}/b/:other", "/a/{0}/b/{1}"),
        ("/a/x{id}.json", "/a/x{0}.json"),
        ("/files/*rest", "/files/{*0}"),
    ] {
        assert_eq!(Pattern::parse(pattern).unwrap().nameless(), nameless);
    }
}
