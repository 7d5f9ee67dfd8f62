//! The attribute's arguments: a method, a path, and options.

use proc_macro2::Ident;
use syn::{
    LitStr, Token,
    parse::{Parse, ParseStream},
};

use crate::{
    mistakes::Mistakes,
    options::{self, Options, Written},
    path,
};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

pub(crate) struct Route {
    pub(crate) method: Ident,
    pub(crate) path: LitStr,
    written: Vec<Written>,
}

impl Parse for Route {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let expected = |error: syn::Error| {
            syn::Error::new(error.span(), "expected a method and a path: `#[handler(GET, \"/users/{id}\")]`")
        };
        let method = input.parse().map_err(expected)?;
        input.parse::<Token![,]>().map_err(expected)?;
        let path = input.parse().map_err(expected)?;
        let written = match input.parse::<Option<Token![,]>>()? {
            Some(_) => options::split(input)?,
            None if input.is_empty() => Vec::new(),
            None => return Err(input.error("expected a comma between the path and its options")),
        };
        Ok(Self { method, path, written })
    }
}

impl Route {
    /// Checks everything; the options are what is left to know.
    pub(crate) fn check(&self, mistakes: &mut Mistakes) -> Options {
        let Self { method, path, written } = self;
        let name = method.to_string();
        if !METHODS.contains(&name.as_str()) {
            let upper = name.to_uppercase();
            if METHODS.contains(&upper.as_str()) {
                mistakes.at(method, format!("methods are written in capitals: `{upper}`"));
            } else {
                mistakes.at(method, format!("`{name}` is not one of the bus's methods: {}", METHODS.join(", ")));
            }
        }
        for mistake in path::check(&path.value()) {
            mistakes.at(path, mistake);
        }
        Options::new(written, mistakes)
    }
}
