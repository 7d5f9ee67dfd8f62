//! What one function takes and answers, as data.

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes the schema of a type, or a reference to it.
pub(super) type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// How to make the schema of `T`.
pub(super) fn schema_of<T: JsonSchema + ?Sized>() -> MakeSchema {
    SchemaGenerator::subschema_for::<T>
}

/// What one function takes and answers.
#[derive(Debug, Default)]
pub struct Signature {
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<Output>,
}

impl Signature {
    /// A function that takes nothing and answers nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an argument.
    pub fn takes(mut self, input: Input) -> Self {
        self.inputs.push(input);
        self
    }

    /// Adds what it answers; where a result has a failure, a status that is open is that of a success.
    pub fn answers(mut self, answer: Option<Output>, failure: Option<Output>, fallible: bool) -> Self {
        let answer = answer.map(|output| match output.status {
            Status::Open if fallible => Output { status: Status::Success, ..output },
            _ => output,
        });
        self.outputs.extend(answer.into_iter().chain(failure));
        self
    }
}

/// What one argument reads of a request.
#[derive(Clone, Debug)]
pub struct Input {
    pub(super) place: Place,
    /// Whether a request without it is refused.
    pub(super) required: bool,
    /// The statuses it is refused with.
    pub(super) refusals: &'static [u16],
}

/// Where an argument comes from.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// From nowhere that a caller would see.
    Hidden,
    Path(Option<MakeSchema>),
    Query(Option<MakeSchema>),
    /// The query of a GET or HEAD, the body of any other method.
    Form(Option<MakeSchema>),
    Body(Content),
    /// The body of any content type, in which nothing need be.
    RawBody(Content),
    #[cfg_attr(not(feature = "headers"), allow(dead_code))]
    Header(String),
    /// The credentials of an `Authorization` header, by scheme.
    #[cfg_attr(not(feature = "headers"), allow(dead_code))]
    Credentials(&'static str),
}

/// A body: its content type, and how to make its schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    pub(super) media: &'static str,
    pub(super) schema: Option<MakeSchema>,
}

impl Input {
    /// An argument that a caller does not see.
    pub(super) const HIDDEN: Self = Self::required(Place::Hidden, &[]);

    pub(super) const fn required(place: Place, refusals: &'static [u16]) -> Self {
        Self { place, required: true, refusals }
    }
}

/// One way in which a function answers.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub(super) status: Status,
    pub(super) content: Option<Content>,
}

/// What is known of a status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    Is(u16),
    /// The function chooses one of those that mean success.
    Success,
    /// The function chooses.
    Open,
    /// Nobody knows who chooses, not even whether it means success.
    Unknown,
}

impl Output {
    /// Nothing is known.
    pub(super) const UNKNOWN: Self = Self { status: Status::Unknown, content: None };
    /// Some status, and nothing else.
    pub(super) const OPEN: Self = Self { status: Status::Open, content: None };

    pub(super) const fn empty(status: u16) -> Self {
        Self { status: Status::Is(status), content: None }
    }

    pub(super) const fn ok(media: &'static str, schema: Option<MakeSchema>) -> Self {
        Self { status: Status::Is(200), content: Some(Content { media, schema }) }
    }
}
