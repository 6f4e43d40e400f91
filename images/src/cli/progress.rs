//! A spinner for what takes long, on a terminal only.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Shows `what` until dropped, if it takes longer than a moment and somebody is watching.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(super) fn start(what: String) -> Self {
        let watched = std::io::stderr().is_terminal();
        Self(watched.then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = ProgressBar::new_spinner().with_style(style).with_message(what);
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        }))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}
