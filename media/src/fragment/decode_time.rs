//! The decode time rule (design rule 5.10): when each packet is decoded, from the plan alone.
//!
//! Let `p_0 < p_1 < …` be the output times of all frames of the timeline and `d` the constant reorder
//! depth. The k-th packet in decode order is decoded at `p_{k−d}`, or for `k < d` at
//! `p_0 − (p_d − p_k)`. The file adds the presentation delay `D = p_d − p_0` to all times, so that
//! decode time begins at 0 and a composition offset is never negative; the edit list takes `D` off.
//!
//! A packet lasts until the next one is decoded, which the plan knows over seams, too: cells are
//! closed, so the n-th packet of a chunk is the n-th of the timeline behind the chunk's first frame.
//! The last packet of the timeline lasts until the timeline's end (in decode time, without `D`):
//! so all durations add up to the timeline's length. Only where frames become so dense towards the
//! end of a variable-rate timeline that its last packet is decoded at or behind that end, it lasts
//! one tick more.

use reelmesh_domain::media_types::ChunkTask;

use super::clock::TrackClock;
use crate::error::MediaError;

/// Decode times of a chunk's own packets, in ticks of the track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeTimes {
    clock: TrackClock,
    delay: i64,
    /// One entry a packet, and the time at which the packet behind the last is decoded.
    times: Vec<i64>,
}

/// When one sample is decoded and shown, in ticks of the track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleTiming {
    /// Decode time in the file.
    pub decode_time: i64,
    /// Ticks until the next sample is decoded.
    pub duration: u32,
    /// Ticks from decoding to presentation.
    pub composition_offset: u32,
}

fn broken(rule: impl Into<String>) -> MediaError {
    MediaError::Bug { rule: rule.into() }
}

impl DecodeTimes {
    /// The decode times of the packets that `task` owns, for an encoder that reorders by
    /// `reorder_depth` frames.
    ///
    /// # Errors
    ///
    /// [`MediaError::Bug`] if the task breaks its own rules: windows outside of its frames, times that
    /// don't rise, fewer first times than the depth needs.
    pub fn for_chunk(task: &ChunkTask, reorder_depth: u32) -> Result<Self, MediaError> {
        let places = Places::new(task, reorder_depth)?;
        let clock = TrackClock::new(task.output_time_base)?;
        let delay = places.time(places.depth)?;
        let mut ticks = Vec::new();
        for packet in places.first..places.end {
            ticks.push(places.decode_time(packet, delay)?);
        }
        let last = ticks.last().copied().unwrap_or(0);
        ticks.push(if task.at_end {
            task.own_end_pts.max(last.saturating_add(1))
        } else {
            places.decode_time(places.end, delay)?
        });
        if ticks.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(broken(format!(
                "decode times rise, got {ticks:?} behind frame {}",
                places.first
            )));
        }
        let track = |time: i64| {
            clock
                .to_track(time)
                .ok_or_else(|| broken("output times fit 64 bits in ticks of the track"))
        };
        Ok(Self {
            clock,
            delay: track(delay)?,
            times: ticks.into_iter().map(track).collect::<Result<_, _>>()?,
        })
    }

    /// `D`: ticks of the track by which presentation in the file is later than on the timeline.
    pub const fn presentation_delay(&self) -> i64 {
        self.delay
    }

    /// How many packets the chunk owns.
    pub const fn packets(&self) -> usize {
        self.times.len() - 1
    }

    /// Times of the `packet`-th own packet in decode order (from 0), which shows the frame that
    /// stands at `output_pts` (ticks of the output's time base).
    ///
    /// # Errors
    ///
    /// [`MediaError::Bug`] if the chunk has no such packet, or the encoder reordered deeper than it
    /// was said to.
    pub fn sample(&self, packet: usize, output_pts: i64) -> Result<SampleTiming, MediaError> {
        let (Some(&decode_time), Some(&next)) =
            (self.times.get(packet), self.times.get(packet + 1))
        else {
            return Err(broken(format!(
                "a chunk of {} own packets has no packet {packet}",
                self.packets()
            )));
        };
        let shown = self
            .clock
            .to_track(output_pts)
            .and_then(|pts| pts.checked_add(self.delay));
        let offset = shown
            .and_then(|shown| shown.checked_sub(decode_time))
            .and_then(|offset| u32::try_from(offset).ok());
        let (Some(composition_offset), Ok(duration)) = (offset, u32::try_from(next - decode_time))
        else {
            return Err(broken(format!(
                "own packet {packet} is decoded at {decode_time}, next at {next}, and can't be shown at \
                 {output_pts}: does the encoder reorder deeper than planned?"
            )));
        };
        Ok(SampleTiming {
            decode_time,
            duration,
            composition_offset,
        })
    }
}

/// Where the frames of the timeline stand, as far as a task knows them.
struct Places<'a> {
    task: &'a ChunkTask,
    depth: u64,
    /// Place in the timeline of the task's first delivered frame.
    window: u64,
    /// Place of the first own frame, which is the number of the first own packet, too.
    first: u64,
    /// Place behind the last own frame.
    end: u64,
}

impl<'a> Places<'a> {
    fn new(task: &'a ChunkTask, reorder_depth: u32) -> Result<Self, MediaError> {
        let depth = u64::from(reorder_depth);
        let own = u64::from(task.own_end.saturating_sub(task.own_start));
        let fits = task.own_start < task.own_end
            && usize::try_from(task.own_end).is_ok_and(|end| end <= task.frames.len());
        if !fits {
            return Err(broken(format!(
                "own frames [{}, {}) lie within the {} of the task",
                task.own_start,
                task.own_end,
                task.frames.len()
            )));
        }
        let places = task
            .first_frame
            .checked_sub(u64::from(task.own_start))
            .zip(task.first_frame.checked_add(own));
        let Some((window, end)) = places else {
            return Err(broken("first_frame is the first own frame's place"));
        };
        if task.first_pts.first() != Some(&0) {
            return Err(broken("the timeline's first frame stands at 0"));
        }
        let known = task.first_pts.len() as u64;
        // Fewer are all frames of a short timeline, of which this may be any chunk.
        let whole = if task.at_end {
            known == end
        } else {
            known > end
        };
        if known <= depth && !whole {
            return Err(broken(format!(
                "a task knows the first {} output times, got {known}",
                depth + 1
            )));
        }
        Ok(Self {
            task,
            depth,
            window,
            first: task.first_frame,
            end,
        })
    }

    /// Decode time in the file of the `packet`-th packet of the timeline.
    fn decode_time(&self, packet: u64, delay: i64) -> Result<i64, MediaError> {
        match packet.checked_sub(self.depth) {
            // p_0 − (p_d − p_k) + D with p_0 = 0
            None => self.time(packet),
            Some(place) => self
                .time(place)?
                .checked_add(delay)
                .ok_or_else(|| broken("decode times fit 64 bits")),
        }
    }

    /// Output time of the frame at `place`; behind the end of a timeline that is shorter than the
    /// depth, as if nominal frames followed.
    fn time(&self, place: u64) -> Result<i64, MediaError> {
        let first = &self.task.first_pts;
        let known = |index: u64| {
            usize::try_from(index)
                .ok()
                .and_then(|index| first.get(index))
        };
        if let Some(&time) = known(place) {
            return Ok(time);
        }
        if place == self.end && !self.task.at_end {
            return Ok(self.task.own_end_pts);
        }
        let in_window = place
            .checked_sub(self.window)
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.task.frames.get(index));
        if let Some(frame) = in_window {
            return Ok(frame.output_pts);
        }
        let short = first.len() as u64 <= self.depth;
        let further = i64::try_from(place - first.len() as u64 + 1).ok();
        first
            .last()
            .zip(further)
            .filter(|_| short)
            .and_then(|(&last, n)| {
                let nominal = self.task.nominal_frame_ticks.max(1);
                n.checked_mul(nominal)?.checked_add(last)
            })
            .ok_or_else(|| {
                broken(format!(
                    "the output time of frame {place} is known to the task of frames {}..{}",
                    self.first, self.end
                ))
            })
    }
}

#[cfg(test)]
mod tests;
