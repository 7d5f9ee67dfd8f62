//! What is left of a request's head when its handler has the arguments and needs no body, or has it: the thread's next request is made
//! of it, and needs less memory of its own.

use std::cell::Cell;
use std::mem;

use http::{Extensions, HeaderMap, Request, request::Parts};

use super::context::CallContext;
use super::known::Known;
use crate::protocol::RequestId;

/// A map of extensions that holds more keeps the room for it, and is let go.
const MOST: usize = 8;

thread_local! {
    static SPARE: Cell<Option<Extensions>> = const { Cell::new(None) };
}

/// Extensions of no value but the context of call `id`, to which `fill` adds what else there is to say.
#[inline]
pub(super) fn extensions_of(id: RequestId, fill: impl FnOnce(&mut CallContext)) -> Extensions {
    let mut extensions = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default();
    match extensions.get_mut::<CallContext>() {
        // Another call's, which was forgotten.
        Some(place) => {
            place.id = id;
            fill(place);
        }
        None => {
            let mut context = CallContext::new(id);
            fill(&mut context);
            extensions.insert(context);
        }
    }
    extensions
}

/// Extensions of no value, for a request that no bus made: with the room of the last ones, if those had no context.
#[inline]
pub(super) fn no_extensions() -> Extensions {
    let take = |place: &Cell<Option<Extensions>>| match place.take() {
        Some(spare) if spare.is_empty() => Some(spare),
        other => {
            place.set(other);
            None
        }
    };
    SPARE.try_with(take).ok().flatten().unwrap_or_default()
}

/// Whether the last one that was kept has not been used. So it is on a thread that ends: there is no place for another.
pub(super) fn has_spare() -> bool {
    let has = |place: &Cell<Option<Extensions>>| {
        let spare = place.take();
        let is_there = spare.is_some();
        place.set(spare);
        is_there
    };
    SPARE.try_with(has).unwrap_or(true)
}

/// Drops the values of a request's head, and keeps its maps for the next request of this thread, if there are none yet.
pub(crate) fn reclaim(Parts { headers, extensions, .. }: &mut Parts) {
    keep_extensions(extensions);
    keep_headers(headers);
}

/// As `reclaim`, while the request is in one piece. Its body goes too, and what is not kept.
pub(crate) fn let_go<B: Default>(request: &mut Request<B>) {
    drop(mem::take(request.body_mut()));
    keep_extensions(request.extensions_mut());
    keep_headers(request.headers_mut());
    if !request.extensions().is_empty() {
        drop(mem::take(request.extensions_mut()));
    }
    if !request.headers().is_empty() {
        drop(mem::take(request.headers_mut()));
    }
}

fn keep_extensions(extensions: &mut Extensions) {
    if (1..=MOST).contains(&extensions.len()) && !has_spare() {
        let mut spare = mem::take(extensions);
        let is_alone = spare.len() == 1;
        match spare.get_mut::<CallContext>() {
            Some(context) if is_alone => context.forget(),
            // Values may be foreign, and end requests of their own while they are dropped.
            _ => spare.clear(),
        }
        let _ = SPARE.try_with(|place| place.set(Some(spare)));
    }
}

fn keep_headers(headers: &mut HeaderMap) {
    if !headers.is_empty() {
        Known::with_any(|known| known.lists.take_back(headers));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::http::context::MatchedRoute;
    use crate::http::pattern::Pattern;
    use crate::http::refuser::RefusalMap;

    /// Extensions of a call that says more than its id.
    fn extensions(hub_pattern: &'static str) -> Extensions {
        extensions_of(RequestId::new("id").unwrap(), |context| {
            context.hub_pattern = Bytes::from_static(hub_pattern.as_bytes());
            context.hub_params = vec![(Bytes::from_static(b"id"), Bytes::from_static(b"secret"))];
            context.body_limit = Some(1);
        })
    }

    fn parts<T: Clone + Send + Sync + 'static>(value: T) -> Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.extensions = extensions("/a");
        parts.extensions.insert(value);
        parts
    }

    #[test]
    fn nothing_of_one_request_is_among_the_extensions_of_the_next() {
        let mut parts = parts("secret");
        reclaim(&mut parts);
        assert!(parts.extensions.is_empty());
        let spare = SPARE.take().expect("it was kept");
        assert!(spare.is_empty() && spare.get::<&str>().is_none() && spare.get::<CallContext>().is_none());
    }

    #[test]
    fn a_context_that_was_alone_has_its_place_taken_by_the_next_and_says_nothing_until_then() {
        let mut parts = Request::new(()).into_parts().0;
        parts.extensions = extensions("/a");
        reclaim(&mut parts);
        let spare = SPARE.take().expect("it was kept");
        let CallContext { hub_pattern, hub_params, body_limit, .. } = spare.get().expect("its place is kept");
        assert_eq!((&hub_pattern[..], hub_params.len(), *body_limit), (&b""[..], 0, None));
        SPARE.set(Some(spare));
        let next = extensions("/b");
        assert_eq!((next.len(), &next.get::<CallContext>().unwrap().hub_pattern[..]), (1, &b"/b"[..]));
    }

    #[test]
    fn a_call_in_the_place_of_another_has_its_own_id() {
        let mut parts = Request::new(()).into_parts().0;
        for id in ["first", "second"] {
            parts.extensions = extensions_of(RequestId::new(id).unwrap(), |_| {});
            assert_eq!(CallContext::id_in(&parts.extensions).unwrap().as_str(), id);
            reclaim(&mut parts);
            assert!(has_spare());
        }
    }

    #[test]
    fn a_request_that_no_bus_made_has_room_that_is_left_and_no_context() {
        assert!(no_extensions().is_empty());
        // Of a call.
        let mut parts = Request::new(()).into_parts().0;
        parts.extensions = extensions("/a");
        reclaim(&mut parts);
        let none = no_extensions();
        assert!(none.is_empty() && CallContext::id_in(&none).is_none());
        assert!(has_spare(), "it is left to the next call");
        drop(SPARE.take());
        // Of another one that no bus made.
        parts.extensions.insert(7_u8);
        reclaim(&mut parts);
        assert!(no_extensions().is_empty() && !has_spare(), "its room is used");
    }

    #[test]
    fn a_request_has_the_route_that_was_chosen_for_it_and_the_next_one_is_left_its_handle() {
        let patterns = ["/a/{id}", "/b"].map(|text| Arc::new(Pattern::parse(text).unwrap()));
        let handles = || patterns.each_ref().map(Arc::strong_count);
        let mut left = [1, 1];
        // The table's own handle, and one more.
        for (chosen, expected) in [(0, [2, 1]), (0, [2, 1]), (1, [1, 2]), (0, [2, 1])] {
            let mut request = Request::get("/a/1?query").body(()).unwrap();
            *request.extensions_mut() = extensions("");
            assert_eq!((MatchedRoute::find(request.extensions()).is_none(), handles()), (true, left));
            MatchedRoute::note(Some(&patterns[chosen]), &mut request);
            let route = MatchedRoute::find(request.extensions()).expect("it was noted");
            assert!(Arc::ptr_eq(route.pattern(), &patterns[chosen]));
            assert_eq!(route.params().collect::<Vec<_>>(), [("id", "1")][chosen..]);
            assert_eq!(handles(), expected);
            let_go(&mut request);
            assert_eq!(handles(), expected);
            left = expected;
        }
    }

    #[test]
    fn a_map_that_held_much_is_not_kept() {
        // As many types as values.
        macro_rules! insert {
            ($extensions:expr, $($len:literal)*) => {$(
                $extensions.insert([0_u8; $len]);
            )*};
        }
        let mut parts = parts("value");
        insert!(parts.extensions, 1 2 3 4 5 6 7);
        reclaim(&mut parts);
        assert_eq!((parts.extensions.len(), SPARE.take().is_none()), (MOST + 1, true));
    }

    #[test]
    fn what_ends_another_request_while_it_is_dropped_leaves_one_empty_map() {
        #[derive(Clone)]
        struct Nested;
        impl Drop for Nested {
            fn drop(&mut self) {
                reclaim(&mut parts(7_u8));
            }
        }
        reclaim(&mut parts(Nested));
        assert!(SPARE.take().is_some_and(|spare| spare.is_empty()));
        // Of the context that is kept in its place.
        let nested = Nested;
        let map = RefusalMap::new(move |_, _| {
            let _ = &nested;
            unreachable!("nothing is refused")
        });
        let mut parts = Request::new(()).into_parts().0;
        parts.extensions = extensions_of(RequestId::new("id").unwrap(), |context| context.refusals = Some(map));
        reclaim(&mut parts);
        let spare = SPARE.take().expect("one was kept");
        assert!(spare.get::<u8>().is_none() && spare.get::<CallContext>().is_none_or(|of| of.refusals.is_none()));
    }
}
