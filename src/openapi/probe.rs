//! How the attribute asks about a type that may implement anything or nothing.
//!
//! A method call tries the receiver as it is, then what it points to, and so on, and takes the first that has the method. So
//! `(&&&Probe::<T>::new()).input()` is the implementation for `&&Probe<T>` if its bounds hold, else that for `&Probe<T>`, else
//! that for `Probe<T>`, which holds for every type. It takes types without parameters of the caller's, which handlers have.

use std::{convert::Infallible, fmt, marker::PhantomData};

use schemars::JsonSchema;

use super::{
    answers::Answer,
    arguments::Argument,
    signature::{Input, Output, schema_of},
};

/// Stands for a type, of which nothing need be true.
pub struct Probe<T: ?Sized>(PhantomData<fn() -> Box<T>>);

impl<T: ?Sized> Probe<T> {
    /// Asks about `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: ?Sized> fmt::Debug for Probe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Probe({})", std::any::type_name::<T>())
    }
}

/// A result whose type has no name, as `impl IntoResponse`.
#[derive(Debug)]
pub enum Unnamed {}

/// What an argument reads of a request.
pub trait Takes {
    /// What the argument reads of a request.
    fn input(&self) -> Input;
}

impl<A: Argument<Value: JsonSchema>> Takes for &&Probe<A> {
    fn input(&self) -> Input {
        A::input(Some(schema_of::<A::Value>()))
    }
}

impl<A: Argument> Takes for &Probe<A> {
    fn input(&self) -> Input {
        A::input(None)
    }
}

impl<A> Takes for Probe<A> {
    fn input(&self) -> Input {
        Input::HIDDEN
    }
}

/// How a result is answered.
pub trait Answers {
    /// How the result is answered; none for one that is never there.
    fn output(&self) -> Option<Output>;
}

impl<A: Answer<Value: JsonSchema>> Answers for &&Probe<A> {
    fn output(&self) -> Option<Output> {
        A::output(Some(schema_of::<A::Value>()))
    }
}

impl<A: Answer> Answers for &Probe<A> {
    fn output(&self) -> Option<Output> {
        A::output(None)
    }
}

impl<A> Answers for Probe<A> {
    fn output(&self) -> Option<Output> {
        Some(Output::UNKNOWN)
    }
}

/// Takes a result apart, so that each half can be known or not.
pub trait Splits {
    /// What is answered when all is well.
    type Answer;
    /// What is answered when it is not.
    type Failure;
    /// Whether there is a failure.
    const FALLIBLE: bool;

    /// Both halves, and whether there is a second one.
    fn split(&self) -> (Probe<Self::Answer>, Probe<Self::Failure>, bool) {
        (Probe::new(), Probe::new(), Self::FALLIBLE)
    }
}

impl<T, E> Splits for &Probe<Result<T, E>> {
    type Answer = T;
    type Failure = E;
    const FALLIBLE: bool = true;
}

impl<T> Splits for Probe<T> {
    type Answer = T;
    type Failure = Infallible;
    const FALLIBLE: bool = false;
}
