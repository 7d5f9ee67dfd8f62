//! `slotbus top`: a bus as it works.

mod draw;
mod model;

use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use self::draw::{draw, text};
use self::model::Model;
use super::ls::Which;
use super::measures::time;
use super::out::line;
use super::signals::Signals;

/// Watch a bus: what its slots do, how many requests a second, how long they take and wait.
///
/// Looks only: nothing is locked, rung or changed, so it may watch whatever runs. Without NAME all buses are listed, to choose
/// one with the arrow keys and Enter. Times are means, made out of how many slots are found occupied. q ends.
#[derive(Debug, Args)]
pub(crate) struct Top {
    /// The bus; all of them if it is left out.
    name: Option<String>,
    #[command(flatten)]
    which: Which,
    /// How often the picture changes: 500ms, 2s.
    #[arg(long, default_value = "500ms", value_parser = interval)]
    interval: Duration,
    /// Watch for one interval, print the picture and end.
    #[arg(long)]
    once: bool,
    /// Print one JSON object an interval instead of a picture; needs NAME.
    #[arg(long, requires = "name")]
    json: bool,
}

/// Pause between two looks at a bus that works. Its times become means of that many looks.
const PAUSE: Duration = Duration::from_millis(10);
/// How often it looks whether a signal has come while nothing moves: waiting for keys goes on over signals.
const SIGNALS: Duration = Duration::from_millis(500);
/// Columns and rows of a picture that is printed.
const PRINTED: (u16, u16) = (100, 28);

impl Top {
    pub(crate) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let mut model = match &self.name {
            Some(name) => Model::of_bus(self.which.prefix()?, name)?,
            None => Model::of_all(self.which)?,
        };
        if self.json || self.once {
            loop {
                watch(&mut model, self.interval);
                if self.json {
                    line(model.json())?;
                } else {
                    line(picture(&model)?)?;
                }
                if self.once {
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err("this is no terminal: run with --once, or with NAME and --json".into());
        }
        let mut signals = Signals::listen()?;
        // Gives the terminal back also when this thread panics.
        let mut terminal = ratatui::try_init().inspect_err(|_| ratatui::restore())?;
        let watched = watch_on(&mut terminal, &mut model, self.interval, &mut signals);
        ratatui::try_restore()?;
        watched.map(|()| ExitCode::SUCCESS)
    }
}

/// Looks for one interval.
fn watch(model: &mut Model, interval: Duration) {
    model.look();
    let end = Instant::now() + interval;
    while let left = end.saturating_duration_since(Instant::now())
        && !left.is_zero()
    {
        std::thread::sleep(left.min(PAUSE));
        model.look();
    }
    model.end_interval();
}

/// Looks and draws until the user has seen enough.
fn watch_on(
    terminal: &mut ratatui::DefaultTerminal,
    model: &mut Model,
    interval: Duration,
    signals: &mut Signals,
) -> Result<(), Box<dyn Error>> {
    loop {
        let end = Instant::now() + interval;
        terminal.draw(|frame| draw(frame, model))?;
        while let left = end.saturating_duration_since(Instant::now())
            && !left.is_zero()
        {
            if signals.has_come() {
                return Ok(());
            }
            // A bus at rest is looked at once an interval.
            let is_at_rest = model.is_at_rest();
            if !event::poll(left.min(if is_at_rest { SIGNALS } else { PAUSE }))? {
                if !is_at_rest {
                    model.look();
                }
                continue;
            }
            match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Press && obey(model, key)? => return Ok(()),
                _ => terminal.draw(|frame| draw(frame, model)).map(drop)?,
            }
        }
        model.look();
        model.end_interval();
    }
}

/// Does what a key means; whether that is to end.
fn obey(model: &mut Model, key: KeyEvent) -> Result<bool, Box<dyn Error>> {
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(true),
        KeyCode::Char('q') => return Ok(true),
        KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => return Ok(!model.back()? && key.code == KeyCode::Esc),
        KeyCode::Up | KeyCode::Char('k') => model.select(-1),
        KeyCode::Down | KeyCode::Char('j') => model.select(1),
        KeyCode::Enter | KeyCode::Right => model.enter(),
        _ => {}
    }
    Ok(false)
}

/// The picture as text.
fn picture(model: &Model) -> Result<String, Box<dyn Error>> {
    let (columns, rows) = PRINTED;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows))?;
    terminal.draw(|frame| draw(frame, model))?;
    Ok(text(terminal.backend().buffer()))
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = time(text)?;
    if interval < Duration::from_millis(50) { Err("shorter than 50ms is for no eye".to_owned()) } else { Ok(interval) }
}
