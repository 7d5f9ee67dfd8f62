//! What an error says where Rust prints its `Debug`: at the end of a `main` that returns it, and in the panic of `unwrap`.

use std::{error::Error, fmt};

/// What an error came of, and that of, to the first cause.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// Writes what `error` says, and behind it what it came of, as far as that was not said already.
pub(crate) fn report(error: &(dyn Error + 'static), f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut said = error.to_string();
    for cause in causes(error) {
        let cause = cause.to_string();
        if !said.ends_with(&cause) {
            said.push_str(": ");
            said.push_str(&cause);
        }
    }
    f.write_str(&said)
}

/// Gives an error a `Debug` that is its report.
macro_rules! reported {
    ($error:ty) => {
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::report::report(self, f)
            }
        }
    };
}

pub(crate) use reported;

#[cfg(test)]
mod tests {
    use std::io;

    #[derive(thiserror::Error)]
    enum Failure {
        #[error("nothing was read")]
        Read(#[source] io::Error),
        #[error("nothing was read: {0}")]
        Told(#[source] io::Error),
        #[error(transparent)]
        Other(#[from] Box<Failure>),
    }

    super::reported!(Failure);

    #[test]
    fn an_error_is_reported_with_its_causes_each_said_once() {
        let cause = || io::Error::other("the disk is gone");
        for error in [Failure::Read(cause()), Failure::Told(cause()), Box::new(Failure::Read(cause())).into()] {
            assert_eq!(format!("{error:?}"), "nothing was read: the disk is gone");
        }
    }
}
