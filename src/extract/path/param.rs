//! serde's view of one parameter of a path.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, SeqAccess, VariantAccess, Visitor,
    value::{BorrowedStrDeserializer, StrDeserializer},
};

use super::PathError;

/// One parameter.
#[derive(Clone, Copy)]
pub(super) struct Param<'a> {
    pub(super) name: &'a str,
    /// As it stands in the path.
    pub(super) raw: &'a str,
    /// Whether it may be made a pair with its name.
    pub(super) is_paired: bool,
}

impl<'a> Param<'a> {
    fn decode(self) -> Result<Cow<'a, str>, PathError> {
        let hex = |b: Option<&u8>| b.is_some_and(u8::is_ascii_hexdigit);
        let bytes = self.raw.as_bytes();
        if memchr::memchr(b'%', bytes).is_none() {
            return Ok(Cow::Borrowed(self.raw));
        }
        let broken = |(i, &b): (usize, &u8)| b == b'%' && !(hex(bytes.get(i + 1)) && hex(bytes.get(i + 2)));
        // The decoder leaves a broken escape as it is; one that reads otherwise to a proxy must not pass.
        let decoded =
            if bytes.iter().enumerate().any(broken) { None } else { percent_decode_str(self.raw).decode_utf8().ok() };
        decoded.ok_or_else(|| PathError::Encoding { name: self.name.to_owned(), value: self.raw.to_owned() })
    }

    fn with<T>(self, take: impl FnOnce(&str) -> Result<T, PathError>) -> Result<T, PathError> {
        let value = self.decode()?;
        take(&value).map_err(|error| error.at(self.name, &value))
    }
}

/// Types that `FromStr` understands.
macro_rules! parsed {
    ($($method:ident $visit:ident $type:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
            self.with(|value| match value.parse() {
                Ok(parsed) => visitor.$visit(parsed),
                Err(_) => Err(PathError::Refused(concat!("expected ", $type).to_owned())),
            })
        }
    )*};
}

/// Types of more than one part.
macro_rules! unsupported {
    ($($method:ident($($arg:ty),*) $what:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $arg,)* _: V) -> Result<V::Value, PathError> {
            Err(PathError::Unsupported($what))
        }
    )*};
}

impl<'de> Deserializer<'de> for Param<'de> {
    type Error = PathError;

    parsed! {
        deserialize_bool visit_bool "true or false"
        deserialize_i8 visit_i8 "a number of type i8"
        deserialize_i16 visit_i16 "a number of type i16"
        deserialize_i32 visit_i32 "a number of type i32"
        deserialize_i64 visit_i64 "a number of type i64"
        deserialize_i128 visit_i128 "a number of type i128"
        deserialize_u8 visit_u8 "a number of type u8"
        deserialize_u16 visit_u16 "a number of type u16"
        deserialize_u32 visit_u32 "a number of type u32"
        deserialize_u64 visit_u64 "a number of type u64"
        deserialize_u128 visit_u128 "a number of type u128"
        deserialize_f32 visit_f32 "a number of type f32"
        deserialize_f64 visit_f64 "a number of type f64"
        deserialize_char visit_char "a single character"
    }

    unsupported! {
        deserialize_map() "a map"
        deserialize_struct(&'static str, &'static [&'static str]) "a struct"
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.with(|value| visitor.visit_str(value))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.with(|value| visitor.visit_bytes(value.as_bytes()))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        if !self.is_paired {
            return Err(PathError::Unsupported("a sequence"));
        }
        visitor.visit_seq(Pair { name: Some(self.name), param: Some(self) })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, PathError> {
        if len == 2 { self.deserialize_seq(visitor) } else { Err(PathError::Unsupported("a tuple other than a pair")) }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.with(|value| visitor.visit_enum(UnitVariant(value)))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_unit()
    }
}

/// A parameter as `(name, value)`.
struct Pair<'a> {
    name: Option<&'a str>,
    param: Option<Param<'a>>,
}

impl<'de> SeqAccess<'de> for Pair<'de> {
    type Error = PathError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, PathError> {
        if let Some(name) = self.name.take() {
            return seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some);
        }
        self.param.take().map(|param| seed.deserialize(param)).transpose()
    }
}

/// A value that names a variant without content.
struct UnitVariant<'a>(&'a str);

impl<'de> EnumAccess<'de> for UnitVariant<'_> {
    type Error = PathError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), PathError> {
        Ok((seed.deserialize(StrDeserializer::new(self.0))?, self))
    }
}

impl<'de> VariantAccess<'de> for UnitVariant<'_> {
    type Error = PathError;

    fn unit_variant(self) -> Result<(), PathError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, PathError> {
        Err(PathError::Unsupported("an enum with content"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, PathError> {
        Err(PathError::Unsupported("an enum with content"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, PathError> {
        Err(PathError::Unsupported("an enum with content"))
    }
}
