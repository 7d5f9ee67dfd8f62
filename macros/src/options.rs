//! The options behind the path: `timeout = "2s"` and the like, in any order.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{LitStr, Token, ext::IdentExt as _, parse::ParseStream};

use crate::mistakes::Mistakes;

/// What stands between two commas.
pub(crate) type Written = TokenStream;

/// The options of a handler, checked.
#[derive(Default)]
pub(crate) struct Options {
    /// Milliseconds.
    timeout: Option<(Ident, u64)>,
    /// Bytes.
    body_limit: Option<(Ident, u64)>,
    /// The name of a variant.
    on_disconnect: Option<(Ident, &'static str)>,
}

/// Splits the rest of the attribute at its commas; one at the end is allowed.
pub(crate) fn split(input: ParseStream<'_>) -> syn::Result<Vec<Written>> {
    let mut all = Vec::new();
    while !input.is_empty() {
        if input.peek(Token![,]) {
            return Err(input.error(EXPECTED));
        }
        let mut one = TokenStream::new();
        while !input.is_empty() && !input.peek(Token![,]) {
            one.extend([input.parse::<TokenTree>()?]);
        }
        all.push(one);
        input.parse::<Option<Token![,]>>()?;
    }
    Ok(all)
}

const EXPECTED: &str = "expected an option: `timeout = \"2s\"`, `body_limit = \"10MiB\"` or `on_disconnect = finish`";

impl Options {
    pub(crate) fn new(written: &[Written], mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        for one in written {
            options.add(one, mistakes);
        }
        options
    }

    fn add(&mut self, written: &Written, mistakes: &mut Mistakes) {
        let Self { timeout, body_limit, on_disconnect } = self;
        let Ok((name, value)) = syn::parse::Parser::parse2(name_and_value, written.clone()) else {
            return mistakes.at(written, EXPECTED);
        };
        match name.to_string().as_str() {
            "timeout" => set(timeout, name, value, DURATION, duration, mistakes),
            "body_limit" => set(body_limit, name, value, SIZE, size, mistakes),
            "on_disconnect" => set(on_disconnect, name, value, "`finish` or `cancel`", disconnect, mistakes),
            other => mistakes.at(
                &name,
                format!("`{other}` is not an option of a handler: `timeout`, `body_limit`, `on_disconnect`"),
            ),
        }
    }

    /// A `Declaration` with these options; the code of each stands at its name.
    pub(crate) fn added_to(&self, declaration: TokenStream) -> TokenStream {
        let Self { timeout, body_limit, on_disconnect } = self;
        let body_limit = body_limit.as_ref().map(|(name, bytes)| {
            let bytes = proc_macro2::Literal::u64_unsuffixed(*bytes);
            quote_spanned!(name.span()=> .body_limit(#bytes))
        });
        let on_disconnect = on_disconnect.as_ref().map(|(name, variant)| {
            let variant = Ident::new(variant, name.span());
            quote_spanned!(name.span()=> .on_disconnect(::slotbus::__private::OnDisconnect::#variant))
        });
        let declaration = quote!(#declaration #body_limit #on_disconnect);
        match timeout {
            None => declaration,
            // A macro, so that it can refuse where there is no clock.
            Some((name, millis)) => quote_spanned!(name.span()=> ::slotbus::__timeout!(#declaration, #millis)),
        }
    }
}

/// Both sides of `=`; nothing is a value too, which is reported later.
fn name_and_value(input: ParseStream<'_>) -> syn::Result<(Ident, TokenStream)> {
    let name = Ident::parse_any(input)?;
    if !input.is_empty() {
        input.parse::<Token![=]>()?;
    }
    Ok((name, input.parse()?))
}

fn set<T>(
    option: &mut Option<(Ident, T)>,
    name: Ident,
    value: TokenStream,
    expected: &str,
    parse: impl Fn(&TokenStream) -> Result<T, String>,
    mistakes: &mut Mistakes,
) {
    if option.is_some() {
        mistakes.at(&name, format!("the option `{name}` is set twice"));
    }
    if value.is_empty() {
        return mistakes.at(&name, format!("the option `{name}` needs a value: {expected}"));
    }
    match parse(&value) {
        Ok(parsed) => *option = Some((name, parsed)),
        Err(mistake) => mistakes.at(value, mistake),
    }
}

const DURATION: &str = "a number and `ms`, `s`, `m` or `h`, as in `\"500ms\"`, `\"2s\"`, `\"5m\"`";

fn duration(value: &TokenStream) -> Result<u64, String> {
    let millis = quantity(value, &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]);
    match millis {
        Some(0) => Err("a time-out of zero would leave no time for an answer".to_owned()),
        Some(millis) => Ok(millis),
        None => Err(format!("{} is not a duration: expected {DURATION}", shown(value))),
    }
}

const SIZE: &str =
    "a number and `B`, `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`, as in `\"512B\"`, `\"64KiB\"`, `\"10MiB\"`";

fn size(value: &TokenStream) -> Result<u64, String> {
    let units = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
    ];
    match quantity(value, &units) {
        Some(0) => Err("a limit of zero bytes would refuse every body".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err(format!("{} is not a size: expected {SIZE}", shown(value))),
    }
}

/// The product of a whole number of at most 32 bits and its unit; spaces may stand between them.
fn quantity(value: &TokenStream, units: &[(&str, u64)]) -> Option<u64> {
    let text = syn::parse2::<LitStr>(value.clone()).ok()?.value();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    Some(u64::from(number.parse::<u32>().ok()?) * factor)
}

fn disconnect(value: &TokenStream) -> Result<&'static str, String> {
    match syn::parse2::<Ident>(value.clone()).map(|ident| ident.to_string()).as_deref() {
        Ok("finish") => Ok("Finish"),
        Ok("cancel") => Ok("Cancel"),
        _ => Err(format!("expected `finish` or `cancel`, not {}", shown(value))),
    }
}

fn shown(value: &TokenStream) -> String {
    format!("`{}`", value.to_token_stream())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(literal: &str) -> TokenStream {
        literal.to_token_stream()
    }

    #[test]
    fn durations_are_whole_numbers_of_a_unit() {
        for (text, millis) in [("1ms", 1), ("2s", 2000), ("2 s", 2000), ("5m", 300_000), ("1h", 3_600_000)] {
            assert_eq!(duration(&of(text)), Ok(millis), "{text}");
        }
        for text in ["", "2", "s", "2sec", "1.5s", "-1s", "2S", "99999999999s", " 2s", "2s ", "0s", "0h"] {
            assert!(duration(&of(text)).is_err(), "{text}");
        }
        assert!(duration(&quote!(2)).is_err());
    }

    #[test]
    fn sizes_are_whole_numbers_of_a_unit() {
        for (text, bytes) in [("512B", 512), ("64KiB", 65_536), ("10MiB", 10_485_760), ("1 GiB", 1 << 30)] {
            assert_eq!(size(&of(text)), Ok(bytes), "{text}");
        }
        for (text, bytes) in [("3kB", 3_000), ("3MB", 3_000_000), ("3GB", 3_000_000_000)] {
            assert_eq!(size(&of(text)), Ok(bytes), "{text}");
        }
        for text in ["", "10", "MiB", "10M", "3KB", "10mib", "1.5MiB", "-1B", "0B", "0MiB", "99999999999B"] {
            assert!(size(&of(text)).is_err(), "{text}");
        }
    }
}
