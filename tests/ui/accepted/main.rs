//! What `#[handler]` accepts: the name of each module is the rule it shows.

mod a_prelude_is_not_needed;
mod an_extractor_for_one_state_only;
mod async_plain_private_and_public;
mod constants_with_names_of_the_generated_code;
// Public, because only what is public must be documented.
pub mod doc_comments_are_kept;
mod options_in_any_order;
mod path_tuple_longer_than_the_pattern_below_a_prefix;
mod timeout;
mod traits_with_methods_of_any_name;
