//! serde's view of the parameters of a path: a sequence or a map, or the only one as a value.
//!
//! They are walked and decoded as they are asked for, so nothing is collected.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor, value::BorrowedStrDeserializer};

use super::{PathError, param::Param};
use crate::http::pattern::Captures;

/// All parameters of a path.
pub(super) struct PathDeserializer<'a> {
    params: Captures<'a>,
}

impl<'a> PathDeserializer<'a> {
    pub(super) fn new(params: Captures<'a>) -> Self {
        Self { params }
    }

    fn expect(&self, expected: usize) -> Result<(), PathError> {
        let got = self.params.clone().count();
        if got == expected { Ok(()) } else { Err(PathError::Count { expected, got }) }
    }

    fn single(mut self) -> Result<Param<'a>, PathError> {
        match (self.params.next(), self.params.next()) {
            (Some((name, raw)), None) => Ok(Param { name, raw, is_paired: false }),
            (None, _) => Err(PathError::Count { expected: 1, got: 0 }),
            _ => Err(PathError::Count { expected: 1, got: 2 + self.params.count() }),
        }
    }
}

/// Types made of the only parameter.
macro_rules! of_the_single {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
            self.single()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for PathDeserializer<'de> {
    type Error = PathError;

    of_the_single! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        let mut params = self.params.clone();
        match (params.next(), params.next()) {
            (Some(_), None) => self.single()?.deserialize_any(visitor),
            _ => self.deserialize_map(visitor),
        }
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
        visitor.visit_seq(Params { params: self.params, value: None })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, PathError> {
        self.expect(len)?;
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_map(Params { params: self.params, value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.single()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_unit()
    }
}

/// The parameters as elements, or as entries.
struct Params<'a> {
    params: Captures<'a>,
    /// The value of the key that was handed out last.
    value: Option<Param<'a>>,
}

impl<'de> SeqAccess<'de> for Params<'de> {
    type Error = PathError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, PathError> {
        let next = self.params.next();
        next.map(|(name, raw)| seed.deserialize(Param { name, raw, is_paired: true })).transpose()
    }
}

impl<'de> MapAccess<'de> for Params<'de> {
    type Error = PathError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, PathError> {
        let Some((name, raw)) = self.params.next() else {
            return Ok(None);
        };
        self.value = Some(Param { name, raw, is_paired: false });
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PathError> {
        seed.deserialize(self.value.take().expect("serde asks for a value after its key"))
    }
}
