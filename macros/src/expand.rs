//! The code: the function as it was, and beside it a type that is its route.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, ItemFn, ReturnType, Signature, Type, ext::IdentExt as _, spanned::Spanned};

use crate::{arity::last_segment, function::Handler, options::Options, route::Route};

pub(crate) fn expand(
    item: &ItemFn,
    route: Option<(&Route, &Options)>,
    handler: &Handler<'_>,
    mistakes: Option<TokenStream>,
) -> TokenStream {
    // No type can be declared beside a method.
    if handler.method {
        return quote! { #item #mistakes };
    }
    let name = &item.sig.ident;
    let visibility = &item.vis;
    let conditions: Vec<_> = item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let implementation = match (route, &mistakes) {
        (Some((route, options)), None) => {
            implementation(item, declaration(item, route, options, handler), handler, &conditions)
        }
        // `routes![name]` should not add an error to those that are reported here.
        _ => stub(name, &conditions),
    };
    quote! {
        #item

        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code)]
        #visibility struct #name {}

        #implementation

        #mistakes
    }
}

fn stub(name: &Ident, conditions: &[&Attribute]) -> TokenStream {
    quote! {
        #(#conditions)*
        impl<__S> ::slotbus::__private::Handler<__S, ()> for #name {
            const DECLARATION: ::slotbus::__private::Declaration = ::core::panic!("the handler has mistakes");

            fn call(_: &mut ::slotbus::__private::Request, _: ::slotbus::__private::Shared<__S>)
                -> ::slotbus::__private::ResponseFuture
            {
                ::core::unreachable!()
            }
        }
    }
}

fn implementation(
    item: &ItemFn,
    declaration: TokenStream,
    handler: &Handler<'_>,
    conditions: &[&Attribute],
) -> TokenStream {
    let name = &item.sig.ident;
    let checks = handler.early_body_readers().map(|ty| {
        let check = check_reads_no_body(ty);
        quote!(#(#conditions)* #check)
    });
    let body = Body::new(item, handler);
    let (marker, bounds, future) = (body.marker(), body.bounds(), body.future());
    let (request, state) = (local("request"), local("state"));
    // That a function should not be called any more is not said of the route that is still there.
    let allowed = handler.deprecated.then(|| quote!(#[allow(deprecated)]));
    quote! {
        #(#conditions)*
        #allowed
        impl<__S, #marker> ::slotbus::__private::Handler<__S, (#marker)> for #name
        where
            __S: ::core::marker::Send + ::core::marker::Sync + 'static,
            #bounds
        {
            #declaration

            fn call(#request: &mut ::slotbus::__private::Request, #state: ::slotbus::__private::Shared<__S>)
                -> ::slotbus::__private::ResponseFuture
            {
                #future
            }
        }

        #(#checks)*
    }
}

fn declaration(item: &ItemFn, route: &Route, options: &Options, handler: &Handler<'_>) -> TokenStream {
    let Signature { ident: name, output, .. } = &item.sig;
    let Route { method, path, .. } = route;
    let summary = &handler.summary;
    let text = name.unraw().to_string();
    // The line is that of the function's name, wherever the attribute stands.
    let line = quote_spanned!(name.span()=> ::core::line!());
    let parameters = handler.parameters().map(|count| quote!(.parameters(#count)));
    let declaration = options.added_to(quote! {
        ::slotbus::__private::Declaration::new(
            ::slotbus::__private::Method::#method,
            #path,
            ::core::concat!(::core::module_path!(), "::", #text),
            (::core::file!(), #line),
        )
        .summary(#summary)
        #parameters
    });
    let declaration = described(declaration, output, handler);
    quote!(const DECLARATION: ::slotbus::__private::Declaration = #declaration;)
}

/// A `Declaration` with all that a document could say; a macro, so that nothing is left of it where none is made.
fn described(declaration: TokenStream, output: &ReturnType, handler: &Handler<'_>) -> TokenStream {
    let Handler { arguments, description, deprecated, .. } = handler;
    let answer = match output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) if is_named(ty.to_token_stream()) => quote!(#ty),
        ReturnType::Type(..) => quote!(::slotbus::__private::openapi::Unnamed),
    };
    quote!(::slotbus::__describe!(#declaration, #description, #deprecated, (#(#arguments),*) -> #answer))
}

/// Whether a type can be written elsewhere: `impl Trait` cannot.
fn is_named(tokens: TokenStream) -> bool {
    tokens.into_iter().all(|token| match token {
        TokenTree::Ident(ident) => ident != "impl",
        TokenTree::Group(group) => is_named(group.stream()),
        _ => true,
    })
}

/// Asks for any state whether the argument can do without the body.
fn check_reads_no_body(ty: &Type) -> TokenStream {
    quote_spanned! {ty.span()=>
        const _: () = {
            fn check<__S: ::core::clone::Clone + ::core::marker::Send + ::core::marker::Sync + 'static>() {
                ::slotbus::__private::reads_no_body::<__S, #ty>();
            }
        };
    }
}

/// The generated function that takes the arguments out of a request.
struct Body<'a> {
    item: &'a ItemFn,
    first: &'a [&'a Type],
    last: Option<&'a Type>,
}

impl<'a> Body<'a> {
    fn new(item: &'a ItemFn, handler: &'a Handler<'_>) -> Self {
        match handler.arguments.split_last() {
            Some((last, first)) => Self { item, first, last: Some(last) },
            None => Self { item, first: &[], last: None },
        }
    }

    /// The parameter that tells whether the last argument reads the body.
    fn marker(&self) -> TokenStream {
        if self.last.is_some() { quote!(__M) } else { TokenStream::new() }
    }

    /// Each bound stands at its argument, so that the compiler points there.
    fn bounds(&self) -> TokenStream {
        let bound = |ty: &Type, plain, other| {
            let bound = if is_plain(ty) { plain } else { other };
            let bound = Ident::new(bound, ty.span());
            quote_spanned!(ty.span()=> ::slotbus::__private::#bound)
        };
        let first = self.first.iter().map(|ty| {
            let bound = bound(ty, "Argument", "FromRequestParts");
            quote_spanned!(ty.span()=> #ty: #bound<__S> + ::core::marker::Send,)
        });
        let last = self.last.iter().map(|ty| {
            let bound = bound(ty, "LastArgument", "FromRequest");
            quote_spanned!(ty.span()=> #ty: #bound<__S, __M> + ::core::marker::Send,)
        });
        // What the last argument is refused with is asked for its type, which must not borrow.
        let marker = self.last.iter().map(|_| quote!(__M: 'static,));
        first.chain(last).chain(marker).collect()
    }

    fn future(&self) -> TokenStream {
        let answer = self.answer();
        let [request, state, held] = ["request", "state", "held"].map(local);
        let Some(last) = self.last else {
            let future = match self.item.sig.asyncness {
                Some(_) => quote! { ::slotbus::__private::ResponseFuture::new(async move { #answer }) },
                None => quote! { ::slotbus::__private::ResponseFuture::ready(#answer) },
            };
            return quote! {
                ::slotbus::__private::let_go(#request);
                #future
            };
        };
        let bindings = self.bindings();
        let from_parts = bindings.iter().zip(self.first).map(|(binding, ty)| {
            extraction(
                binding,
                quote! {
                    <#ty as ::slotbus::__private::FromRequestParts<__S>>::from_request_parts(#held.__slotbus_parts(), &#state)
                },
            )
        });
        let from_request = extraction(&bindings[self.first.len()], quote!(#held.__slotbus_last(&#state)));
        let types = self.first.iter().chain([&last]);
        quote! {
            // Whether all are there at once is found by the method's receiver.
            #[allow(unused_imports)]
            use ::slotbus::__private::{TakeAtOnce as _, TakeLater as _};

            if let ::core::option::Option::Some((#(#bindings,)*)) =
                (&&::slotbus::__private::ArgumentsOf::<(#(#types,)*), __S, __M>::new()).__slotbus_take(#request, &#state)
            {
                return ::slotbus::__private::ResponseFuture::new(async move { #answer });
            }

            // So is which of the three the last argument needs.
            #[allow(unused_imports)]
            use ::slotbus::__private::{HoldForState as _, HoldHead as _, HoldWhole as _};

            let mut #held = (&&&::slotbus::__private::LastOf::<#last, __S, __M>::new()).__slotbus_hold(#request);
            ::slotbus::__private::ResponseFuture::new(async move {
                #(#from_parts)*
                #from_request
                // What the request holds is not kept while the function runs.
                ::core::mem::drop(#held);
                #answer
            })
        }
    }

    fn bindings(&self) -> Vec<Ident> {
        (0..self.first.len() + usize::from(self.last.is_some())).map(|i| local(&format!("argument_{i}"))).collect()
    }

    /// Calls the function and converts its result; mistakes in the result type are shown there.
    fn answer(&self) -> TokenStream {
        let signature = &self.item.sig;
        let (name, bindings) = (&signature.ident, self.bindings());
        // Whatever is wrong with the call is wrong with the function, so it stands at its name.
        let call = quote_spanned!(name.span()=> #name(#(#bindings),*));
        let called = match signature.asyncness {
            Some(_) => quote_spanned!(name.span()=> ::slotbus::__private::sendable(#call).await),
            None => call,
        };
        match &signature.output {
            ReturnType::Type(_, ty) if is_plain(ty) => {
                let respond = local("respond");
                // Asked for by itself, or the compiler would point at the call.
                let asked = quote_spanned!(ty.span()=> ::slotbus::__private::respond::<#ty>);
                quote!({ let #respond = #asked; #respond(#called) })
            }
            ReturnType::Type(_, ty) => {
                let result = ty.to_token_stream().span();
                quote_spanned!(result=> ::slotbus::__private::respond_unnamed(#called))
            }
            ReturnType::Default => {
                quote_spanned!(name.span()=> ::slotbus::__private::IntoResponse::into_response(#called))
            }
        }
    }
}

/// Whether a type is a name without parameters, so that nothing in it can be to blame.
fn is_plain(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.arguments.is_none())
}

/// A name that neither shadows the user's names (the handler may be called `request`) nor is seen by them. Its underscores are for
/// constants, which a pattern finds all the same.
fn local(name: &str) -> Ident {
    Ident::new(&format!("__{name}"), Span::mixed_site())
}

fn extraction(binding: &Ident, future: TokenStream) -> TokenStream {
    let [value, rejection] = ["value", "rejection"].map(local);
    quote! {
        let #binding = match #future.await {
            ::core::result::Result::Ok(#value) => #value,
            ::core::result::Result::Err(#rejection) => {
                return ::slotbus::__private::IntoResponse::into_response(#rejection);
            }
        };
    }
}
