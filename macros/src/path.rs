//! The rules of a path. The router parses it again, since prefixes are only known there; here they are reported early.

/// Everything that is wrong with a path.
pub(crate) fn check(path: &str) -> Vec<String> {
    let mut mistakes = Vec::new();
    if !path.starts_with('/') {
        mistakes.push("a path begins with `/`".to_owned());
    }
    if let Some(c) = path.chars().find(|&c| c == '?' || c == '#' || c.is_whitespace() || c.is_control()) {
        mistakes.push(format!("`{c}` cannot stand in a path"));
    }
    let mut names = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        match parameter(segment) {
            Ok(None) => {}
            Ok(Some(Parameter { name, rest })) => {
                if rest && segments.peek().is_some() {
                    mistakes.push(format!("`{segment}` takes the rest of the path, so nothing can follow it"));
                }
                if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
                    mistakes.push(format!("`{name}` is not a parameter name: use letters, digits, `_` and `-`"));
                } else if names.contains(&name) {
                    mistakes.push(format!("the parameter `{name}` appears twice"));
                }
                names.push(name);
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    mistakes
}

/// How many parameters a path has, if it is well-formed.
pub(crate) fn parameters(path: &str) -> usize {
    path.split('/').filter(|segment| matches!(parameter(segment), Ok(Some(_)))).count()
}

struct Parameter<'a> {
    name: &'a str,
    rest: bool,
}

/// The parameter of a segment, if it has one.
fn parameter(segment: &str) -> Result<Option<Parameter<'_>>, String> {
    if let Some(name) = segment.strip_prefix(':') {
        return Ok(Some(Parameter { name, rest: false }));
    }
    if let Some(name) = segment.strip_prefix('*') {
        return Ok(Some(Parameter { name, rest: true }));
    }
    let braces = segment.matches(['{', '}']).collect::<String>();
    match braces.as_str() {
        "" => return Ok(None),
        "{}" => {}
        "{}{}" => return Err(format!("`{segment}` holds more than one parameter")),
        _ => return Err(format!("`{segment}` has a brace without its other half")),
    }
    let (prefix, tail) = segment.split_once('{').expect("there is a brace");
    let (name, suffix) = tail.split_once('}').expect("there are two braces");
    match name.strip_prefix('*') {
        None => Ok(Some(Parameter { name, rest: false })),
        Some(name) if prefix.is_empty() && suffix.is_empty() => Ok(Some(Parameter { name, rest: true })),
        Some(_) => Err(format!("`{segment}` takes the rest of the path, so it must be a segment of its own")),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn well_formed_paths_have_no_mistakes() {
        for path in ["/", "/a/", "/:id", "/{id}/x", "/img-{id}.png", "/f/*rest", "/f/{*rest}", "/x:predict", "//"] {
            assert_eq!(check(path), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn each_mistake_of_a_path_is_found() {
        for path in
            ["", "a", "/{", "/}{", "/{}", "/:", "/{a}{b}", "/{a}/:a", "/{*a}/b", "/x{*a}", "/{a.b}", "/a b", "/a?b"]
        {
            assert_eq!(check(path).len(), 1, "{path}: {:?}", check(path));
        }
        assert_eq!(check("a/{}/:x/:x").len(), 3);
    }
}
