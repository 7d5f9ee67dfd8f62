//! What `slotbus top` shows, whatever shows it.

use std::collections::VecDeque;

use slotbus::BusName;
use slotbus::inspect::{Bus, Figures, InspectError, Listed, Look, Meter, Slot, SlotState};

use super::super::ls::{Which, look_json};
use super::super::out::told;

/// Intervals that are remembered.
const HISTORY: usize = 200;

/// All that is shown.
#[derive(Debug)]
pub(crate) struct Model {
    /// Which buses there are to choose from; `None` where one was named.
    which: Option<Which>,
    pub(crate) view: View,
}

/// What is looked at.
#[derive(Debug)]
pub(crate) enum View {
    All(All),
    Bus(Box<Watched>),
}

/// All buses, one of which may be chosen.
#[derive(Debug, Default)]
pub(crate) struct All {
    pub(crate) listed: Vec<Listed>,
    /// The first until another is chosen.
    selected: Option<BusName>,
}

/// One bus over time.
#[derive(Debug)]
pub(crate) struct Watched {
    prefix: String,
    name: String,
    opened: Option<Bus>,
    /// What was seen last, or why nothing was.
    pub(crate) look: Result<Look, String>,
    meter: Meter,
    /// Those of the last interval.
    pub(crate) figures: Option<Figures>,
    /// Requests a second, an interval each.
    pub(crate) history: VecDeque<u64>,
}

impl Model {
    /// One bus, which must be there.
    pub(crate) fn of_bus(prefix: &str, name: &str) -> Result<Self, InspectError> {
        let mut bus = Watched::of(prefix, name);
        bus.try_look()?;
        bus.look();
        Ok(Self { which: None, view: View::Bus(Box::new(bus)) })
    }

    /// All buses, to choose from.
    pub(crate) fn of_all(which: Which) -> Result<Self, InspectError> {
        let listed = which.list()?;
        Ok(Self { which: Some(which), view: View::All(All { listed, selected: None }) })
    }

    /// Looks once.
    pub(crate) fn look(&mut self) {
        if let View::Bus(bus) = &mut self.view {
            bus.look();
        }
    }

    /// Whether there is nothing to be seen more often than once an interval.
    pub(crate) fn is_at_rest(&self) -> bool {
        match &self.view {
            View::All(_) => true,
            View::Bus(bus) => {
                let is_idle = bus.figures.is_some_and(|figures| figures.rate == 0.0);
                bus.look.as_ref().map_or(true, |look| is_idle && look.busy() == 0)
            }
        }
    }

    /// Makes figures of the looks since the last call.
    pub(crate) fn end_interval(&mut self) {
        match (&mut self.view, &self.which) {
            (View::All(all), Some(which)) => {
                // A folder that could be read a moment ago.
                all.listed = which.list().unwrap_or_default();
            }
            (View::All(_), None) => {}
            (View::Bus(bus), _) => bus.end_interval(),
        }
    }

    /// Whether there are buses to go back to.
    pub(crate) fn has_list(&self) -> bool {
        self.which.is_some()
    }

    /// Goes back to all buses; false where there is nowhere to go back to.
    pub(crate) fn back(&mut self) -> Result<bool, InspectError> {
        let (View::Bus(bus), Some(which)) = (&self.view, &self.which) else { return Ok(false) };
        let listed = which.list()?;
        let selected = BusName::new(&bus.prefix, &bus.name).ok();
        self.view = View::All(All { listed, selected });
        Ok(true)
    }

    /// Chooses another bus.
    pub(crate) fn select(&mut self, step: isize) {
        if let View::All(all) = &mut self.view {
            let row = all.row().saturating_add_signed(step).min(all.listed.len().saturating_sub(1));
            all.selected = all.listed.get(row).map(|listed| listed.bus.clone());
        }
    }

    /// Watches the chosen bus.
    pub(crate) fn enter(&mut self) {
        if let View::All(all) = &self.view
            && let Some(listed) = all.listed.get(all.row())
        {
            let mut bus = Watched::of(listed.bus.prefix(), listed.bus.name());
            bus.look();
            self.view = View::Bus(Box::new(bus));
        }
    }

    /// The bus for scripts.
    pub(crate) fn json(&self) -> serde_json::Value {
        let View::Bus(bus) = &self.view else { return serde_json::Value::Null };
        serde_json::json!({
            "bus": bus.title(),
            "error": bus.look.as_ref().err(),
            "region": bus.look.as_ref().ok().map(look_json),
            "figures": bus.figures.map(|figures| serde_json::json!({
                "seconds": figures.over.as_secs_f64(),
                "requests_per_second": figures.rate,
                "is_exact": figures.is_exact,
                "occupied": figures.occupied,
                "waiting": figures.waiting,
                "latency_micros": figures.latency.map(|time| time.as_secs_f64() * 1e6),
                "queued_micros": figures.queued.map(|time| time.as_secs_f64() * 1e6),
            })),
        })
    }
}

impl All {
    /// Where the chosen bus is in the list: buses come and go.
    pub(crate) fn row(&self) -> usize {
        let selected = self.selected.as_ref();
        selected.and_then(|bus| self.listed.iter().position(|listed| listed.bus == *bus)).unwrap_or_default()
    }
}

impl Watched {
    fn of(prefix: &str, name: &str) -> Self {
        let (prefix, name) = (prefix.to_owned(), name.to_owned());
        let (look, meter) = (Err("not looked at yet".to_owned()), Meter::default());
        Self { prefix, name, opened: None, look, meter, figures: None, history: VecDeque::new() }
    }

    /// The bus's full name.
    pub(crate) fn title(&self) -> String {
        format!("{}-{}", self.prefix, self.name)
    }

    fn look(&mut self) {
        self.look = self.try_look().map_err(|error| told(&error));
        if let Ok(look) = &self.look {
            self.meter.see(look);
        }
    }

    fn try_look(&mut self) -> Result<Look, InspectError> {
        // A hub that took the name over has another region.
        if !self.opened.as_ref().is_some_and(Bus::is_current) {
            self.opened = None;
        }
        let bus = match self.opened.take() {
            Some(bus) => bus,
            None => {
                self.meter = Meter::default();
                Bus::open(&self.prefix, &self.name)?
            }
        };
        self.opened.insert(bus).look()
    }

    fn end_interval(&mut self) {
        self.figures = if self.look.is_ok() { self.meter.figures() } else { None };
        self.history.push_back(self.figures.map_or(0, |figures| figures.rate.round() as u64));
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    /// The slots that are not free, those that wait longest first.
    pub(crate) fn busy(&self) -> Vec<(usize, &Slot)> {
        let slots = self.look.iter().flat_map(|look| look.slots.iter().enumerate());
        let mut busy: Vec<_> = slots.filter(|(_, slot)| slot.state != SlotState::Free).collect();
        busy.sort_by_key(|(index, slot)| (std::cmp::Reverse(slot.age), *index));
        busy
    }
}
