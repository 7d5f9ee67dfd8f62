//! The names of operations: unique in a document, and the same each time it is made.

use std::collections::{HashMap, HashSet};

/// A name for each function: its own, or with its module where another one has the same. A function that stands in a router
/// more than once gets a number from the second time on.
pub(super) fn operation_ids<'a>(functions: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let own = |function: &'a str| function.rsplit("::").next().unwrap_or(function);
    let mut same: HashMap<&str, HashSet<&str>> = HashMap::new();
    for function in functions.clone() {
        same.entry(own(function)).or_default().insert(function);
    }
    let mut taken = HashSet::new();
    let unique = |function: &'a str| {
        let name = if same[own(function)].len() == 1 { own(function).to_owned() } else { with_module(function) };
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        free.expect("there is always another number")
    };
    functions.map(unique).collect()
}

/// The path of a function without its crate: `users::list` of `app::users::list` is `users_list`.
fn with_module(function: &str) -> String {
    function.split_once("::").map_or(function, |(_, path)| path).replace("::", "_")
}

#[cfg(test)]
mod tests {
    use super::operation_ids;

    fn ids<const N: usize>(functions: [&str; N]) -> Vec<String> {
        operation_ids(functions.into_iter())
    }

    #[test]
    fn a_function_whose_name_is_alone_is_called_by_it() {
        assert_eq!(ids(["app::users::list", "app::show"]), ["list", "show"]);
    }

    #[test]
    fn functions_of_one_name_are_told_apart_by_their_modules() {
        assert_eq!(ids(["app::users::list", "app::notes::list", "app::list"]), ["users_list", "notes_list", "list"]);
    }

    #[test]
    fn a_function_that_is_routed_again_gets_a_number() {
        assert_eq!(
            ids(["app::show", "app::show", "app::show_2", "app::show"]),
            ["show", "show_2", "show_2_2", "show_3"]
        );
    }
}
