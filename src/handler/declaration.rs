//! What `#[slotbus::handler]` knows of a function.

use http::Method;

use super::{Documented, OnDisconnect, RouteOptions};

/// What `#[slotbus::handler]` knows of a function.
///
/// Made with what every handler has, and completed by methods, all of them const.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Declaration {
    /// The method.
    pub method: Method,
    /// The path, in either spelling.
    pub pattern: &'static str,
    /// The function, with its module.
    pub handler: &'static str,
    /// Where it stands: file and line.
    pub location: (&'static str, u32),
    /// The first line of its documentation, or nothing.
    pub summary: &'static str,
    /// How many parameters of the path an argument takes; none where its type does not tell.
    pub parameters: Option<usize>,
    /// What was set for this route alone.
    pub options: RouteOptions,
    /// What a document says of it besides.
    #[doc(hidden)]
    pub documented: Documented,
}

impl Declaration {
    /// A handler without documentation and options: its method, path, name, file and line.
    pub const fn new(
        method: Method,
        pattern: &'static str,
        handler: &'static str,
        location: (&'static str, u32),
    ) -> Self {
        let (options, documented) = (RouteOptions::NONE, Documented::NONE);
        Self { method, pattern, handler, location, summary: "", parameters: None, options, documented }
    }

    /// Sets the first line of the documentation.
    pub const fn summary(mut self, line: &'static str) -> Self {
        self.summary = line;
        self
    }

    /// Sets how many parameters of the path an argument takes.
    pub const fn parameters(mut self, count: usize) -> Self {
        self.parameters = Some(count);
        self
    }

    /// Sets the time after which the handler is dropped and answered 504.
    #[cfg(feature = "tokio")]
    pub const fn timeout(mut self, time: std::time::Duration) -> Self {
        self.options.timeout = Some(time);
        self
    }

    /// Sets how many bytes of a body extractors accept.
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.options.body_limit = Some(bytes);
        self
    }

    /// Sets what becomes of the handler when its caller gives up.
    pub const fn on_disconnect(mut self, what: OnDisconnect) -> Self {
        self.options.on_disconnect = Some(what);
        self
    }
}
