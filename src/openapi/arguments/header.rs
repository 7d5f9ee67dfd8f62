//! Typed headers: their type knows their name.

use std::any::TypeId;

use headers::{
    Authorization,
    authorization::{Basic, Bearer},
};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};

use super::{Argument, Input, MakeSchema, Place};
use crate::extract::Header;

impl<T: headers::Header + 'static> Argument for Header<T> {
    type Value = ();

    fn input(_: Option<MakeSchema>) -> Input {
        let name = T::name();
        let is = |other| TypeId::of::<T>() == other;
        let place = if is(TypeId::of::<Authorization<Bearer>>()) {
            Place::Credentials("bearer")
        } else if is(TypeId::of::<Authorization<Basic>>()) {
            Place::Credentials("basic")
        } else if [ACCEPT, AUTHORIZATION, CONTENT_TYPE].contains(name) {
            // A document says these in other places, and not as parameters (OpenAPI 3.1, Parameter Object, `name`).
            Place::Hidden
        } else {
            Place::Header(name.as_str().to_owned())
        };
        Input::required(place, &[400])
    }
}
