//! The picture of a model: a function of it and of the size there is.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Sparkline, Table, TableState};
use slotbus::inspect::{HubLife, Look, Slot, SlotState};

use super::super::ls::{COLUMNS, hub, row, up, version};
use super::super::measures::{short_size, short_time};
use super::model::{All, Model, View, Watched};

/// Slots side by side.
const ROW: usize = 64;

pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let [picture, foot] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
    match &model.view {
        View::All(all) => draw_all(frame, picture, all),
        View::Bus(bus) => draw_bus(frame, picture, bus),
    }
    let keys = match &model.view {
        View::All(_) => " up/down choose   enter watch   q end",
        View::Bus(_) if model.has_list() => " esc back   q end",
        View::Bus(_) => " q end",
    };
    frame.render_widget(Line::from(keys).dim(), foot);
}

fn draw_all(frame: &mut Frame<'_>, area: Rect, all: &All) {
    let rows = all.listed.iter().map(|listed| Row::new(row(listed)));
    let widths = [14, 8, 8, 8, 8, 12, 10, 8].map(Constraint::Length);
    let widths = std::iter::once(Constraint::Fill(1)).chain(widths);
    let table = Table::new(rows, widths)
        .header(Row::new(COLUMNS).bold())
        .row_highlight_style(Style::new().reversed())
        .block(Block::bordered().title(" buses "));
    frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(all.row()));
}

fn draw_bus(frame: &mut Frame<'_>, area: Rect, bus: &Watched) {
    let look = match &bus.look {
        Ok(look) => look,
        Err(error) => {
            let block = Block::bordered().title(format!(" {} ", bus.title()));
            return frame.render_widget(Paragraph::new(format!("{error}; waiting for it")).block(block), area);
        }
    };
    let grid = look.slots.len().div_ceil(ROW) as u16 + 3;
    let rows = [Constraint::Length(8), Constraint::Length(grid), Constraint::Fill(1)];
    let [head, slots, requests] = Layout::vertical(rows).areas(area);
    let [figures, history] = Layout::horizontal([Constraint::Length(42), Constraint::Fill(1)]).areas(head);
    let block = Block::bordered().title(format!(" {} ", bus.title()).bold());
    frame.render_widget(Paragraph::new(figures_of(bus, look)).block(block), figures);
    draw_history(frame, history, bus);
    frame.render_widget(Paragraph::new(grid_of(look)).block(Block::bordered().title(" slots ")), slots);
    draw_requests(frame, requests, bus);
}

fn figures_of(bus: &Watched, look: &Look) -> Vec<Line<'static>> {
    let unknown = || "?".to_owned();
    let hub_style = match look.hub {
        HubLife::Alive => Style::new().green(),
        HubLife::Dead => Style::new().red(),
        _ => Style::new(),
    };
    let workers = look.workers.map_or_else(unknown, |workers| workers.to_string());
    let figures = bus.figures;
    let rate = figures.map_or_else(unknown, |figures| {
        format!("{}{:.0}", if figures.is_exact { "" } else { "at least " }, figures.rate)
    });
    let time = |time: Option<_>| time.map_or_else(unknown, short_time);
    let pair =
        |name: &'static str, value: Span<'static>| Line::from(vec![Span::from(format!("{name:<13}")).dim(), value]);
    vec![
        pair("hub", Span::styled(format!("{}, up {}", hub(look), time(up(look))), hub_style)),
        pair("workers", format!("{workers}   version {}   {}", version(look), short_size(look.bytes)).into()),
        pair("requests/s", rate.bold()),
        pair(
            "latency",
            format!("{}   waiting {}", time(figures.and_then(|f| f.latency)), time(figures.and_then(|f| f.queued)))
                .into(),
        ),
        pair("busy slots", format!("{} of {}", mean(figures.map(|f| f.occupied)), look.slots.len()).into()),
        pair("dispatches", look.dispatches.map_or_else(unknown, |dispatches| dispatches.to_string()).into()),
    ]
}

fn mean(mean: Option<f64>) -> String {
    mean.map_or_else(|| "?".to_owned(), |mean| format!("{mean:.1}"))
}

fn draw_history(frame: &mut Frame<'_>, area: Rect, bus: &Watched) {
    let width = usize::from(area.width.saturating_sub(2));
    let shown: Vec<_> = bus.history.iter().rev().take(width).rev().copied().collect();
    let most = shown.iter().max().copied().unwrap_or_default();
    let block = Block::bordered().title(format!(" requests/s, highest {most} "));
    frame.render_widget(Sparkline::default().data(&shown).style(Style::new().fg(Color::Cyan)).block(block), area);
}

/// A letter for each state.
const STATES: [(SlotState, char, Color); 5] = [
    (SlotState::Free, '.', Color::DarkGray),
    (SlotState::Writing, 'w', Color::Blue),
    (SlotState::Ready, 'R', Color::Yellow),
    (SlotState::Claimed, 'C', Color::Green),
    (SlotState::Done, 'D', Color::Cyan),
];

fn letter(state: SlotState) -> (char, Color) {
    let known = STATES.iter().find(|(known, ..)| *known == state);
    known.map_or(('!', Color::Red), |&(_, letter, color)| (letter, color))
}

fn grid_of(look: &Look) -> Vec<Line<'static>> {
    let cell = |slot: &Slot| {
        let (letter, color) = letter(slot.state);
        Span::styled(letter.to_string(), Style::new().fg(color))
    };
    let mut lines: Vec<_> = look.slots.chunks(ROW).map(|row| row.iter().map(cell).collect::<Line<'_>>()).collect();
    let legend = STATES.iter().flat_map(|&(state, letter, color)| {
        let count = format!(" {state} {}   ", look.count(state));
        [Span::styled(letter.to_string(), Style::new().fg(color)), Span::from(count)]
    });
    let strange = look.slots.iter().filter(|slot| matches!(slot.state, SlotState::Unknown(_))).count();
    let strange = (strange > 0).then(|| Span::from(format!("! unknown {strange}")).red());
    lines.push(legend.chain(strange).collect());
    lines
}

fn draw_requests(frame: &mut Frame<'_>, area: Rect, bus: &Watched) {
    let unknown = || "?".to_owned();
    let rows = bus.busy().into_iter().map(|(index, slot)| {
        let (_, color) = letter(slot.state);
        let mut state = slot.state.to_string();
        if slot.abandoned {
            state += ", given up";
        }
        if slot.held {
            state += ", held";
        }
        Row::new([
            Cell::from(index.to_string()),
            Cell::from(state).style(Style::new().fg(color)),
            Cell::from(slot.age.map_or_else(unknown, short_time)),
            Cell::from(slot.left.map(short_time).unwrap_or_default()),
            Cell::from(slot.owner.map(|owner| format!("{owner:06x}")).unwrap_or_default()),
            Cell::from(slot.method.as_ref().map(ToString::to_string).unwrap_or_default()),
            Cell::from(short_size(slot.request_body.into())),
            Cell::from(slot.request_id.map(|id| id.to_string()).unwrap_or_default()),
        ])
    });
    let widths = [4, 18, 8, 8, 7, 7, 10, 36].map(Constraint::Length);
    let heads = ["SLOT", "STATE", "AGE", "LEFT", "WORKER", "METHOD", "BODY", "REQUEST ID"];
    let table = Table::new(rows, widths).header(Row::new(heads).bold());
    frame.render_widget(table.block(Block::bordered().title(" requests, the oldest first ")), area);
}

/// The characters of a picture, without what is empty at the ends of its lines and below.
pub(crate) fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let line = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect::<String>();
    let lines = buffer.content.chunks(width).map(|cells| line(cells).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use slotbus::hub::Hub;

    use super::*;

    fn drawn(model: &Model, columns: u16, rows: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| draw(frame, model)).unwrap();
        text(terminal.backend().buffer())
    }

    fn bus(slots: usize) -> (Hub, String) {
        let name = format!("test-{}", uuid::Uuid::new_v4());
        (Hub::builder(&name).slots(slots).create().unwrap(), name)
    }

    #[test]
    fn every_slot_has_a_letter_and_every_state_its_count() {
        let (hub, name) = bus(256);
        let mut model = Model::of_bus("slotbus", &name).unwrap();
        model.end_interval();
        let picture = drawn(&model, 100, 30);
        assert_eq!(picture.matches(&".".repeat(64)).count(), 4, "{picture}");
        assert!(picture.contains(". free 256   w writing 0   R ready 0   C claimed 0   D done 0"), "{picture}");
        let hub_line = format!("alive {}, up ", std::process::id());
        assert!(picture.contains(&hub_line) && picture.contains(&format!(" slotbus-{}", &name[..20])), "{picture}");
        hub.close();
        drop(hub);
        model.look();
        let picture = drawn(&model, 100, 30);
        assert!(picture.contains("does not exist; waiting for it"), "{picture}");
    }

    #[test]
    fn a_picture_fits_any_terminal() {
        let (_hub, name) = bus(32);
        let mut model = Model::of_bus("slotbus", &name).unwrap();
        model.look();
        model.end_interval();
        for (columns, rows) in [(1, 1), (3, 40), (10, 5), (42, 8), (80, 24), (300, 100)] {
            drawn(&model, columns, rows);
        }
    }
}
