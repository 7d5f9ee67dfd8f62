//! How the results of this crate, of axum-core and of the standard library are answered. Of all others nothing is known.

use std::{any::TypeId, borrow::Cow, convert::Infallible};

use bytes::{Bytes, BytesMut};
use http::StatusCode;

use super::signature::{Content, MakeSchema, Output, Status, schema_of};
use crate::{
    body::Body,
    extract::{Json, Rejection},
    protocol::PROBLEM_JSON,
    response::{Html, NoContent, Problem},
};

/// A result of which something is known.
pub trait Answer {
    /// The type whose schema it is described with, if it has one.
    type Value: ?Sized;

    /// How it is answered; none for a result that is never there.
    fn output(schema: Option<MakeSchema>) -> Option<Output>;
}

impl<T> Answer for Json<T> {
    type Value = T;

    fn output(schema: Option<MakeSchema>) -> Option<Output> {
        Some(Output::ok("application/json", schema))
    }
}

impl<T> Answer for Html<T> {
    type Value = ();

    fn output(_: Option<MakeSchema>) -> Option<Output> {
        Some(Output::ok("text/html", Some(schema_of::<str>())))
    }
}

impl<R> Answer for Rejection<R> {
    type Value = ();

    fn output(_: Option<MakeSchema>) -> Option<Output> {
        <Problem as Answer>::output(None)
    }
}

macro_rules! answers {
    ($($answer:ty: $output:expr;)*) => {$(
        impl Answer for $answer {
            type Value = ();

            fn output(_: Option<MakeSchema>) -> Option<Output> {
                $output
            }
        }
    )*};
}

const TEXT: &str = "text/plain";
const BYTES: &str = "application/octet-stream";
const ANYTHING: &str = "*/*";

answers! {
    (): Some(Output::empty(200));
    NoContent: Some(Output::empty(204));
    Infallible: None;
    StatusCode: Some(Output::OPEN);
    Problem: Some(Output { status: Status::Open, ..Output::ok(PROBLEM_JSON, Some(schema_of::<Problem>())) });
    String: Some(Output::ok(TEXT, Some(schema_of::<str>())));
    &'static str: Some(Output::ok(TEXT, Some(schema_of::<str>())));
    Box<str>: Some(Output::ok(TEXT, Some(schema_of::<str>())));
    Cow<'static, str>: Some(Output::ok(TEXT, Some(schema_of::<str>())));
    Bytes: Some(Output::ok(BYTES, None));
    BytesMut: Some(Output::ok(BYTES, None));
    Vec<u8>: Some(Output::ok(BYTES, None));
    &'static [u8]: Some(Output::ok(BYTES, None));
    Cow<'static, [u8]>: Some(Output::ok(BYTES, None));
    Body: Some(Output::ok(ANYTHING, None));
}

/// What stands before a body in a tuple changes its answer.
fn headed<P: 'static>(output: Output) -> Output {
    let head = TypeId::of::<P>();
    let heads = [TypeId::of::<StatusCode>(), TypeId::of::<http::response::Parts>(), TypeId::of::<http::Response<()>>()];
    let status = if heads.contains(&head) { Status::Open } else { output.status };
    let content = output.content.map(|content| match content.media {
        // Anything but a status may hold a content type, which text and bytes make way for.
        TEXT | BYTES if head != TypeId::of::<StatusCode>() => Content { media: ANYTHING, ..content },
        _ => content,
    });
    Output { status, content }
}

macro_rules! tuples {
    ($($head:ident)*) => {
        impl<$($head: 'static,)* R: Answer> Answer for ($($head,)* R,) {
            type Value = R::Value;

            fn output(schema: Option<MakeSchema>) -> Option<Output> {
                let output = R::output(schema)?;
                $(let output = headed::<$head>(output);)*
                Some(output)
            }
        }
    };
}

tuples!();
tuples!(P1);
tuples!(P1 P2);
tuples!(P1 P2 P3);
tuples!(P1 P2 P3 P4);
tuples!(P1 P2 P3 P4 P5);
tuples!(P1 P2 P3 P4 P5 P6);
tuples!(P1 P2 P3 P4 P5 P6 P7);
tuples!(P1 P2 P3 P4 P5 P6 P7 P8);
