//! The function under the attribute.

use syn::{FnArg, ItemFn, Type, punctuated::Punctuated, token::Comma};

use crate::{
    arity::{PathArgument, last_segment},
    mistakes::Mistakes,
    path,
    route::Route,
};

/// Types whose name says that they read the body. A type of that name which does not is still accepted: the name only
/// decides for which arguments the compiler is asked early.
const BODY_READERS: [&str; 7] = ["Json", "Form", "Bytes", "String", "Body", "Request", "Multipart"];

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
        self.arguments[..before_last]
            .iter()
            .copied()
            .filter(|ty| last_segment(ty).is_some_and(|segment| BODY_READERS.iter().any(|name| segment.ident == name)))
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

/// The first line of the documentation that says anything, and what follows it.
fn documentation(item: &ItemFn) -> (String, String) {
    let texts = item.attrs.iter().filter_map(|attribute| {
        let doc = attribute.meta.require_name_value().ok().filter(|meta| meta.path.is_ident("doc"))?;
        match &doc.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        }
    });
    let texts: Vec<String> = texts.collect();
    // A `/** … */` comment is one attribute of several lines.
    let mut lines = texts.iter().flat_map(|text| if text.is_empty() { "\n" } else { text }.lines());
    let summary = lines.find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
    // A space separates the slashes from the text.
    let rest: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    (summary, rest.join("\n").trim_matches('\n').to_owned())
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
    }
}
