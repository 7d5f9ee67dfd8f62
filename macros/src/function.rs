//! The function under the attribute.

use syn::{Attribute, FnArg, ItemFn, PathArguments, PathSegment, Type, punctuated::Punctuated, token::Comma};

use crate::{
    arity::{PathArgument, last_segment},
    mistakes::Mistakes,
    path,
    route::Route,
};

/// Types whose name says that they read the body. The name only decides for which arguments the compiler is asked early, whether
/// they can do without it, whatever the state is.
const BODY_READERS: [&str; 5] = ["Bytes", "String", "Body", "Request", "Multipart"];
/// Those that have a type in them; another one of the name, without, is somebody's own.
const BODY_READERS_OF: [&str; 2] = ["Json", "Form"];

/// What the code needs of a function.
pub(crate) struct Handler<'a> {
    /// The types of the arguments.
    pub(crate) arguments: Vec<&'a Type>,
    /// Whether the function has `self`, and so stands where no type can be declared beside it.
    pub(crate) method: bool,
    /// The first line of the documentation.
    pub(crate) summary: String,
    /// The rest of it.
    pub(crate) description: String,
    /// Whether the function has the attribute `deprecated`.
    pub(crate) deprecated: bool,
}

impl<'a> Handler<'a> {
    pub(crate) fn new(item: &'a ItemFn, mistakes: &mut Mistakes) -> Self {
        let signature = &item.sig;
        for (qualifier, message) in [
            (signature.constness.map(|t| quote::quote!(#t)), "a handler cannot be const"),
            (
                signature.unsafety.map(|t| quote::quote!(#t)),
                "a handler cannot be unsafe: nobody could keep its promise",
            ),
            (signature.abi.as_ref().map(|t| quote::quote!(#t)), "a handler cannot be extern"),
            (signature.variadic.as_ref().map(|t| quote::quote!(#t)), "a handler cannot be variadic"),
        ] {
            if let Some(tokens) = qualifier {
                mistakes.at(tokens, message);
            }
        }
        if !signature.generics.params.is_empty() {
            mistakes.at(&signature.generics, "a handler cannot be generic: a route is one function");
        } else if let Some(clause) = &signature.generics.where_clause {
            mistakes.at(clause, "a handler cannot be generic: a route is one function");
        }
        let (arguments, method) = arguments(&signature.inputs, mistakes);
        let (summary, description) = documentation(item);
        let deprecated = item.attrs.iter().any(|attribute| attribute.path().is_ident("deprecated"));
        Self { arguments, method, summary, description, deprecated }
    }

    /// Arguments before the last whose names say that they read the body.
    pub(crate) fn early_body_readers(&self) -> impl Iterator<Item = &'a Type> {
        let before_last = self.arguments.len().saturating_sub(1);
        self.arguments[..before_last].iter().copied().filter(|ty| last_segment(ty).is_some_and(reads_the_body))
    }

    /// How many parameters the first `Path<..>` insists on, as far as its type tells.
    pub(crate) fn parameters(&self) -> Option<usize> {
        self.path_arguments().find(|argument| argument.insists).map(|argument| argument.takes)
    }

    /// Checks the arguments against the path.
    ///
    /// Fewer parameters than the path has are never right. More may be: a prefix under which the route is nested puts its
    /// own before them, which only the router knows.
    pub(crate) fn check_parameters(&self, route: &Route, mistakes: &mut Mistakes) {
        let path = route.path.value();
        let has = path::parameters(&path);
        for PathArgument { ty, takes, .. } in self.path_arguments().filter(|argument| argument.takes < has) {
            mistakes.at(
                ty,
                format!(
                    "the path `{path}` has {has} parameters, and this takes {takes}: take all, or name some in a struct"
                ),
            );
        }
    }

    fn path_arguments(&self) -> impl Iterator<Item = PathArgument<'a>> {
        self.arguments.iter().filter_map(|ty| PathArgument::of(ty))
    }
}

fn arguments<'a>(inputs: &'a Punctuated<FnArg, Comma>, mistakes: &mut Mistakes) -> (Vec<&'a Type>, bool) {
    let mut types = Vec::new();
    let mut method = false;
    for input in inputs {
        match input {
            FnArg::Receiver(receiver) => {
                method = true;
                mistakes.at(receiver, "a handler is a function, not a method: take `State<T>` instead of `self`");
            }
            FnArg::Typed(typed) => {
                // They are not applied yet when an attribute of the function sees them.
                if let Some(condition) = typed.attrs.iter().find(|attribute| is_condition(attribute)) {
                    let message =
                        "an argument of a handler cannot have a condition: put it on the function, and write two";
                    mistakes.at(condition, message);
                }
                match &*typed.ty {
                    Type::Reference(_) => {
                        mistakes.at(&typed.ty, "a handler owns its arguments: take the value, not a reference")
                    }
                    Type::ImplTrait(_) => mistakes.at(&typed.ty, "a handler cannot be generic: name the type"),
                    _ => {}
                }
                types.push(&*typed.ty);
            }
        }
    }
    (types, method)
}

/// Whether a type's name says so.
fn reads_the_body(segment: &PathSegment) -> bool {
    let is = |names: &[&str]| names.iter().any(|name| segment.ident == name);
    is(&BODY_READERS) || is(&BODY_READERS_OF) && !matches!(segment.arguments, PathArguments::None)
}

fn is_condition(attribute: &Attribute) -> bool {
    ["cfg", "cfg_attr"].iter().any(|name| attribute.path().is_ident(name))
}

/// The first line of the documentation that says anything, and what follows it.
fn documentation(item: &ItemFn) -> (String, String) {
    let texts = item.attrs.iter().filter_map(|attribute| {
        let doc = attribute.meta.require_name_value().ok().filter(|meta| meta.path.is_ident("doc"))?;
        match &doc.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        }
    });
    let lines: Vec<String> = texts.flat_map(|text| lines(&text)).collect();
    let mut lines = lines.iter().map(String::as_str);
    let summary = lines.find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
    (summary, lines.collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned())
}

/// The lines of one comment, without what is there for the eye in the source.
fn lines(text: &str) -> Vec<String> {
    // A space separates the slashes from the text.
    let plain = |line: &str| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned();
    let Some((first, others)) = text.split_once('\n') else { return vec![plain(text)] };
    // A comment of several lines, `/** … */`: they may have a column of stars, blank ones too, and stand as far in as their function.
    let before_end = others.trim_end_matches(' ').lines().rev().skip_while(|line| line.trim().is_empty());
    let stars = before_end.map(str::trim_start).all(|line| line.starts_with('*'));
    let without_star = |line: &str| {
        if stars { line.trim_start().strip_prefix('*').unwrap_or_default().to_owned() } else { line.to_owned() }
    };
    let others: Vec<_> = others.lines().map(without_star).collect();
    let said = others.iter().filter(|line| !line.trim().is_empty());
    let margin = said.map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    let others = others.iter().map(|line| line.get(margin..).unwrap_or(line.trim_start()).trim_end().to_owned());
    [plain(first)].into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::documentation;

    fn of(source: &str) -> (String, String) {
        documentation(&syn::parse_str(source).expect("a function"))
    }

    #[test]
    fn the_first_line_is_the_summary_and_the_rest_the_description() {
        let said = |summary: &str, description: &str| (summary.to_owned(), description.to_owned());
        assert_eq!(of("fn f() {}"), said("", ""));
        assert_eq!(of("/// One.\nfn f() {}"), said("One.", ""));
        assert_eq!(
            of("///\n/// One.\n///\n/// Two,\n///   three.\n///\n/// Four.\n///\nfn f() {}"),
            said("One.", "Two,\n  three.\n\nFour.")
        );
        assert_eq!(of("/** One.\n\n Two. */\nfn f() {}"), said("One.", "Two."));
        assert_eq!(
            of("/**\n * One.\n *\n * - two\n *   three\n */\nfn f() {}"),
            said("One.", "- two\n  three"),
            "a column of stars"
        );
        assert_eq!(
            of("    /**\n        One.\n\n          Two.\n        Three.\n    */\nfn f() {}"),
            said("One.", "  Two.\nThree.")
        );
        assert_eq!(of("/** One.\n * two\n * three */\nfn f() {}"), said("One.", "two\nthree"));
        assert_eq!(of("/** One.\n\n * two\n * three\n*/\nfn f() {}"), said("One.", "* two\n* three"), "a list");
    }
}
