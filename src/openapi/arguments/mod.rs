//! What the arguments of this crate and of axum-core read of a request. All others read nothing that is known.

#[cfg(feature = "headers")]
mod header;

use bytes::{Bytes, BytesMut};

use super::signature::{Content, Input, MakeSchema, Place, schema_of};
use crate::{
    body::Body,
    extract::{Form, Json, Path, Query, RawBody, TraceContext},
};

/// An argument of which something is known.
pub trait Argument {
    /// The type whose schema it is described with, if it has one.
    type Value: ?Sized;

    /// What it reads of a request.
    fn input(schema: Option<MakeSchema>) -> Input;
}

impl<T> Argument for Path<T> {
    type Value = T;

    fn input(schema: Option<MakeSchema>) -> Input {
        Input::required(Place::Path(schema), &[400])
    }
}

impl<T> Argument for Query<T> {
    type Value = T;

    fn input(schema: Option<MakeSchema>) -> Input {
        Input::required(Place::Query(schema), &[400])
    }
}

impl<T> Argument for Form<T> {
    type Value = T;

    fn input(schema: Option<MakeSchema>) -> Input {
        Input::required(Place::Form(schema), &[400, 413, 415, 422])
    }
}

impl<T> Argument for Json<T> {
    type Value = T;

    fn input(schema: Option<MakeSchema>) -> Input {
        let content = Content { media: "application/json", schema };
        Input::required(Place::Body(content), &[400, 413, 415, 422])
    }
}

/// Not required, and not refused where it is not there.
impl<A: Argument> Argument for Option<A> {
    type Value = A::Value;

    fn input(schema: Option<MakeSchema>) -> Input {
        Input { required: false, ..A::input(schema) }
    }
}

/// What is refused is up to the handler.
impl<A: Argument, R> Argument for Result<A, R> {
    type Value = A::Value;

    fn input(schema: Option<MakeSchema>) -> Input {
        Input { refusals: &[], ..A::input(schema) }
    }
}

macro_rules! raw {
    ($($argument:ty: $media:literal, $schema:expr, $refusals:expr;)*) => {$(
        impl Argument for $argument {
            type Value = ();

            fn input(_: Option<MakeSchema>) -> Input {
                let content = Content { media: $media, schema: $schema };
                Input { required: false, ..Input::required(Place::RawBody(content), $refusals) }
            }
        }
    )*};
}

raw! {
    String: "text/plain", Some(schema_of::<str>()), &[400, 413];
    Bytes: "*/*", None, &[400, 413];
    BytesMut: "*/*", None, &[400, 413];
    Body: "*/*", None, &[];
    RawBody: "*/*", None, &[];
}

/// Its header is part of the trace, not of the call; but one that is not well-formed is refused.
impl Argument for TraceContext {
    type Value = ();

    fn input(_: Option<MakeSchema>) -> Input {
        Input { refusals: &[400], ..Input::HIDDEN }
    }
}
