//! In flight: the NOTIFYs of a connection that have no ACK yet, and since when.

use std::collections::HashMap;

use crate::load::fault::Fault;

/// The NOTIFYs of one connection that wait for their ACK.
///
/// The stream-ids are HAProxy's from 3.1 on: 1, 3, 5 and so on, so that the place of each follows
/// from its number. What is so late that another needs its place waits elsewhere.
#[derive(Debug)]
pub(crate) struct InFlight {
    places: Vec<Place>,
    late: HashMap<u64, u64>,
    count: usize,
    next: u64,
    /// The highest stream-id that has been answered.
    highest: u64,
}

/// A stream-id, or 0, and when its NOTIFY was due.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    stream_id: u64,
    due: u64,
}

/// A NOTIFY that has got its ACK.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Answered {
    /// When it was due.
    pub(crate) due: u64,
    /// Whether one that was sent later has been answered before.
    pub(crate) is_overtaken: bool,
}

impl InFlight {
    /// Space for a window of this size without a search.
    pub(crate) fn new(window: usize) -> Self {
        let places = vec![Place::default(); window.max(1).next_power_of_two()];
        Self { places, late: HashMap::new(), count: 0, next: 1, highest: 0 }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Takes a new NOTIFY in, and gives its stream-id.
    #[inline]
    pub(crate) fn open(&mut self, due: u64) -> u64 {
        let stream_id = self.next;
        self.next += 2;
        self.count += 1;
        let place = self.place(stream_id);
        let before = std::mem::replace(place, Place { stream_id, due });
        if before.stream_id != 0 {
            self.late.insert(before.stream_id, before.due);
        }
        stream_id
    }

    /// Takes out the one that an ACK answers.
    #[inline]
    pub(crate) fn settle(&mut self, stream_id: u64, frame_id: u64) -> Result<Answered, Fault> {
        let was_sent = stream_id % 2 == 1 && stream_id < self.next && frame_id == 1;
        if !was_sent {
            return Err(Fault::Unmatched);
        }
        let place = self.place(stream_id);
        let due = if place.stream_id == stream_id {
            place.stream_id = 0;
            place.due
        } else {
            self.late.remove(&stream_id).ok_or(Fault::Duplicate)?
        };
        self.count -= 1;
        let is_overtaken = stream_id < self.highest;
        self.highest = self.highest.max(stream_id);
        Ok(Answered { due, is_overtaken })
    }

    /// There is a power of two of them.
    #[inline]
    fn place(&mut self, stream_id: u64) -> &mut Place {
        let mask = self.places.len() - 1;
        // What is cut off is masked anyway.
        &mut self.places[(stream_id >> 1) as usize & mask]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_answered_once_and_in_any_order() {
        let mut in_flight = InFlight::new(3);
        let ids: Vec<_> = (0..3).map(|due| in_flight.open(due)).collect();
        assert_eq!((&ids[..], in_flight.count()), (&[1, 3, 5][..], 3));
        let answered = |due, is_overtaken| Ok(Answered { due, is_overtaken });
        assert_eq!(in_flight.settle(5, 1), answered(2, false));
        assert_eq!(in_flight.settle(1, 1), answered(0, true));
        assert_eq!(in_flight.settle(1, 1), Err(Fault::Duplicate));
        assert_eq!(in_flight.settle(3, 2), Err(Fault::Unmatched));
        assert_eq!(in_flight.settle(3, 1), answered(1, true));
        assert_eq!(in_flight.count(), 0);
        for (stream_id, frame_id) in [(0, 0), (2, 1), (7, 1), (1, 0)] {
            assert_eq!(in_flight.settle(stream_id, frame_id), Err(Fault::Unmatched));
        }
    }

    #[test]
    fn one_that_is_very_late_is_not_forgotten() {
        let mut in_flight = InFlight::new(2);
        let late = in_flight.open(7);
        for due in 100..200 {
            let stream_id = in_flight.open(due);
            assert_eq!(in_flight.settle(stream_id, 1).map(|answered| answered.due), Ok(due));
        }
        assert_eq!(in_flight.settle(late, 1), Ok(Answered { due: 7, is_overtaken: true }));
        assert_eq!(in_flight.settle(late, 1), Err(Fault::Duplicate));
    }
}
