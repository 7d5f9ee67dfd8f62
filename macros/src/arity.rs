//! How many parameters of the path an argument takes, as far as its type's name tells.

use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// Types of a single value.
const SINGLE: [&str; 17] = [
    "bool", "char", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
    "f32", "f64",
];

/// The type in a `Path<..>`.
pub(crate) struct PathArgument<'a> {
    pub(crate) ty: &'a Type,
    /// The number of parameters it takes.
    pub(crate) takes: usize,
    /// A path with another number of them is refused; else the handler is told.
    pub(crate) insists: bool,
}

impl<'a> PathArgument<'a> {
    /// Looks at `Path<..>`, `Option<Path<..>>` and `Result<Path<..>, _>`, of which tuples, numbers and strings tell.
    pub(crate) fn of(argument: &'a Type) -> Option<Self> {
        let segment = last_segment(argument)?;
        let ty = first_parameter(segment)?;
        if segment.ident == "Option" || segment.ident == "Result" {
            let inner = last_segment(ty).filter(|inner| inner.ident == "Path").and_then(|_| Self::of(ty));
            return inner.map(|inner| Self { insists: false, ..inner });
        }
        if segment.ident != "Path" {
            return None;
        }
        let takes = match ty {
            // `()` fits any path.
            Type::Tuple(tuple) if !tuple.elems.is_empty() => tuple.elems.len(),
            _ if last_segment(ty).is_some_and(|name| SINGLE.iter().any(|single| name.ident == single)) => 1,
            _ => return None,
        };
        Some(Self { ty, takes, insists: true })
    }
}

/// The last segment of a type that is a path: `Json<T>` of `slotbus::Json<T>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn first_parameter(segment: &PathSegment) -> Option<&Type> {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::PathArgument;

    #[test]
    fn tuples_and_single_values_tell_how_many_parameters_they_take() {
        for (ty, takes) in [
            ("Path<(u32, String)>", Some(2)),
            ("slotbus::Path<(Uuid,)>", Some(1)),
            ("Option<Path<(A, B, C)>>", Some(3)),
            ("Result<slotbus::Path<String>, PathRejection>", Some(1)),
            ("Path<u8>", Some(1)),
            ("Path<()>", None),
            ("Path<Named>", None),
            ("Path<Vec<u8>>", None),
            ("Query<(u8, u8)>", None),
            ("Option<Query<(u8, u8)>>", None),
            ("Option<Option<Path<u8>>>", None),
            ("Path", None),
            ("[u8; 2]", None),
        ] {
            let ty = syn::parse_str(ty).expect("a type");
            assert_eq!(PathArgument::of(&ty).map(|argument| argument.takes), takes);
        }
    }
}
