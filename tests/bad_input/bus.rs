//! A bus with anything in its region's place, and a worker that meets it.

use std::error::Error as _;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use published01::types as wire;
use slotbus::Body;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// When a test gives up; nothing is proven by it.
pub(crate) const GIVE_UP: Duration = Duration::from_secs(60);

/// The names of one bus nobody else uses, removed at the end.
pub(crate) struct Bus {
    pub(crate) name: String,
}

impl Bus {
    pub(crate) fn new(what: &str) -> Self {
        Self { name: format!("{what}-{}", uuid::Uuid::new_v4().simple()) }
    }

    pub(crate) fn object(&self) -> String {
        format!("/dev/shm/slotbus-{}", self.name)
    }

    /// Puts a plain file of mode 0600 there.
    pub(crate) fn put(&self, bytes: &[u8]) -> &Self {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.object()).unwrap();
        file.write_all(bytes).unwrap();
        self
    }

    /// Tries to serve; the error with its causes.
    pub(crate) async fn serve(&self) -> (slotbus::Error, String) {
        let serve = slotbus::serve(service()).name(&self.name).connect_timeout(Duration::from_millis(20));
        let error = serve.await.expect_err("there is nothing to serve");
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        (error, text)
    }

    /// Expects the worker to refuse what is there with one error that names it and `fact`, and to leave it as it was.
    pub(crate) async fn is_refused(&self, fact: &str) {
        let before = self.picture();
        let (error, text) = self.serve().await;
        assert!(matches!(error, slotbus::Error::Bus(_)), "{error:?}");
        assert!(text.contains(&self.object()), "{text:?} does not name {}", self.object());
        assert!(text.contains(fact), "{text:?} does not say {fact:?}");
        assert!(!text.contains('\n') && !text.ends_with('.'), "{text:?}");
        assert_eq!(self.picture(), before, "the object was changed");
    }

    /// Expects the worker to wait until its connect time-out, and to leave what is there as it was.
    pub(crate) async fn is_waited_for(&self) {
        let before = self.picture();
        let (error, text) = self.serve().await;
        assert!(matches!(error, slotbus::Error::NoHub { .. }), "{text}");
        assert_eq!(self.picture(), before, "the object was changed");
    }

    /// Everything that can be seen of the object, and its bytes.
    pub(crate) fn picture(&self) -> (u64, u32, u32, u64, (i64, i64), Vec<u8>) {
        let stat = fs::symlink_metadata(self.object()).unwrap();
        let bytes = if stat.is_file() { fs::read(self.object()).unwrap() } else { Vec::new() };
        (stat.ino(), stat.mode(), stat.uid(), stat.size(), (stat.mtime(), stat.mtime_nsec()), bytes)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = fs::remove_dir(self.object());
        for object in [format!("slotbus-{}", self.name), self.bell("req"), self.bell("rsp")] {
            let _ = fs::remove_file(PathBuf::from("/dev/shm").join(object));
        }
    }
}

impl Bus {
    pub(crate) fn bell(&self, which: &str) -> String {
        format!("sem.slotbus-{}-{which}", self.name)
    }
}

/// A published region of 1 MiB with 32 slots, `change`d.
pub(crate) fn region(change: impl FnOnce(&mut [u32; 5])) -> Vec<u8> {
    let (heap_offset, heap_size) = wire::compute_layout(32, 1 << 20);
    let mut header = [wire::SHM_MAGIC, wire::SHM_VERSION, 32, heap_offset as u32, heap_size as u32];
    change(&mut header);
    let mut bytes: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.resize(1 << 20, 0);
    bytes
}

pub(crate) async fn echo(request: Request<Body>) -> Result<Response<Body>, axum::Error> {
    Ok(Response::new(Body::from(request.into_body().collect().await?.to_bytes())))
}

pub(crate) fn service() -> impl tower::Service<
    Request<Body>,
    Response = Response<Body>,
    Error = axum::Error,
    Future = impl Future<Output = Result<Response<Body>, axum::Error>> + Send,
> + Clone
+ Send
+ 'static {
    tower::service_fn(echo)
}

pub(crate) struct Worker {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), slotbus::Error>>,
}

impl Worker {
    pub(crate) fn start(bus: &Bus) -> Self {
        let (stop, stopped) = oneshot::channel();
        let serve = slotbus::serve(service()).name(&bus.name).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        Self { stop, task: tokio::spawn(async { serve.await }) }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}
