//! Writes all files of the output place, `report.json` last.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use reelmesh_domain::codec::{self, Kind};
use reelmesh_domain::failure::Failure;
use reelmesh_domain::ids::{RunId, UnitId};
use reelmesh_domain::plan::Plan;
use reelmesh_domain::spec::Package;
use reelmesh_domain::store::keys::Key;
use reelmesh_domain::store::records::{
    CrashRecord, OutcomeRecord, PublishedFile, Scanned, VerdictRecord,
};
use reelmesh_media::error::MediaError;
use reelmesh_media::package::hls::{HlsPackage, hls_package};
use reelmesh_media::package::mp4::write_mp4;
use reelmesh_media::package::{FragmentReader as _, Track, TrackMedia};
use tokio::runtime::Handle;

use super::reader::BlobReader;
use super::tracks::{Joined, join};
use super::{Unpublished, attempts, media};
use crate::api::{JobEvent, Phase};
use crate::archive::Commits;
use crate::jobs::Job;
use crate::random;
use crate::report::{FileReport, JobReport, REPORT_NAME};
use crate::shared::{Settled, Shared, UntilStopped, bug};
use crate::store::output::{CLAIM_NAME, OutputPlace};

/// The package's folder in the output place.
pub(super) const HLS_FOLDER: &str = "hls";
/// The playlist that names all renditions, in that folder.
pub(super) const MULTIVARIANT: &str = "multivariant.m3u8";
/// Buffer between the packager's small writes and the file.
const WRITE_BUFFER_BYTES: usize = 1 << 20;

/// All records that the published files are a function of.
pub(super) struct Records {
    pub(super) run: RunId,
    pub(super) plan: Plan,
    pub(super) scanned: Scanned,
    pub(super) commits: Commits,
    pub(super) crashes: Vec<(UnitId, Settled<CrashRecord>)>,
    pub(super) verdict: Arc<VerdictRecord>,
}

impl Records {
    pub(super) async fn read(
        shared: &Shared,
        job: &Job,
        verdict: &Arc<VerdictRecord>,
    ) -> Result<Self, Failure> {
        let run = job.run;
        let missing = |what| move || bug(format!("a run is published without its {what}"));
        let plan = shared.newest_plan(run).await?;
        let plan = plan.ok_or_else(missing("plan"))?;
        let scanned = shared.scanned(run, &job.start, plan.exact_frames).await?;
        Ok(Self {
            run,
            scanned: scanned.ok_or_else(missing("scan"))?,
            commits: shared.commits(run).await?,
            crashes: shared.crashes(run).await?,
            verdict: Arc::clone(verdict),
            plan,
        })
    }
}

/// Writes everything and lists it. Blocks.
pub(super) fn write_all(
    shared: &Arc<Shared>,
    job: &Job,
    records: &Records,
    handle: &Handle,
) -> Result<Vec<PublishedFile>, Unpublished> {
    let timeline = &records.scanned.timeline;
    let joined = join(records.run, &records.plan, timeline, &records.commits)?;
    let pieces = joined
        .iter()
        .map(|joined| (joined.track.name.as_str(), &joined.pieces));
    let mut writer = Writer {
        shared,
        job,
        handle,
        place: OutputPlace::new(job.spec.output()),
        reader: BlobReader::new(shared, handle, pieces),
        files: Vec::new(),
    };
    let renditions = joined
        .iter()
        .map(|joined| writer.measure(joined, records.plan.cells_per_segment))
        .collect::<Result<Vec<_>, _>>()?;
    let packages = &job.spec.spec.packages;
    if packages.contains(&Package::Mp4) {
        writer.mp4(&joined)?;
    }
    if packages.contains(&Package::Hls) {
        writer.hls(&joined, records.plan.cells_per_segment)?;
    }
    writer.begin_publish();
    let report = JobReport {
        media: media::report(records, &joined, renditions, writer.file_reports())?,
        attempts: attempts::lines(records),
    };
    let mut text = serde_json::to_vec_pretty(&report)
        .map_err(|error| Unpublished::Evidence(bug(error.to_string())))?;
    text.push(b'\n');
    writer.write(REPORT_NAME, |_, out| out.write_all(&text))?;
    Ok(writer.files)
}

fn published_key(run: RunId, name: &str) -> String {
    format!("{}{name}", published_of(run))
}

/// Where the files that a run has published are remembered.
pub(super) fn published_of(run: RunId) -> String {
    format!("published/{run}/")
}

impl Shared {
    /// Remembers that a file is in place. Not flushed: what is forgotten is written again.
    fn note_published(&self, run: RunId, file: &PublishedFile) {
        let key = published_key(run, &file.path);
        let noted = codec::encode(Kind::Checkpoint, file).map(|bytes| {
            // As above.
            drop(self.checkpoints.put(&key, &bytes));
        });
        if let Err(error) = noted {
            tracing::warn!(%error, key, "a published file isn't remembered");
        }
    }

    fn noted_published(&self, run: RunId, name: &str) -> Option<PublishedFile> {
        let bytes = self.checkpoints.get(&published_key(run, name)).ok()??;
        codec::decode(Kind::Checkpoint, &bytes).ok()
    }
}

struct Writer<'a> {
    shared: &'a Arc<Shared>,
    job: &'a Job,
    handle: &'a Handle,
    place: OutputPlace,
    reader: BlobReader<'a>,
    files: Vec<PublishedFile>,
}

impl Writer<'_> {
    fn measure(
        &mut self,
        joined: &Joined,
        cells_per_segment: u32,
    ) -> Result<crate::report::RenditionReport, Unpublished> {
        let mut measure = media::Measure::new(joined, cells_per_segment);
        let mut buffer = Vec::new();
        for fragment in 0..joined.track.fragments.len() {
            let read = self.reader.read(&joined.track, fragment, &mut buffer);
            read.map_err(|error| self.unpublished(error))?;
            measure.add(fragment, &buffer)?;
        }
        Ok(measure.finish()?)
    }

    fn mp4(&mut self, joined: &[Joined]) -> Result<(), Unpublished> {
        let audio = joined
            .iter()
            .filter(|joined| matches!(joined.track.media, TrackMedia::Audio { .. }));
        let audio: Vec<Track> = audio.map(|joined| joined.track.clone()).collect();
        for video in joined {
            if matches!(video.track.media, TrackMedia::Audio { .. }) {
                continue;
            }
            let mut tracks = vec![video.track.clone()];
            tracks.extend(audio.iter().cloned());
            let shared = self.shared;
            let name = format!("{}.mp4", video.track.name);
            self.write(&name, |reader, out| {
                let control = UntilStopped { shared };
                write_mp4(&tracks, reader, out, &control).map_err(into_io)
            })?;
        }
        Ok(())
    }

    fn hls(&mut self, joined: &[Joined], cells_per_segment: u32) -> Result<(), Unpublished> {
        let tracks: Vec<Track> = joined.iter().map(|joined| joined.track.clone()).collect();
        let package = hls_package(&tracks, cells_per_segment, &mut self.reader);
        let package = package.map_err(|error| self.unpublished(into_io(error)))?;
        let HlsPackage {
            segments,
            inits,
            playlists,
        } = package;
        let mut buffer = Vec::new();
        for segment in segments {
            let track = tracks
                .get(segment.track)
                .ok_or_else(|| bug("a segment has no track".to_owned()))?;
            self.write(&in_folder(&segment.path), |reader, out| {
                for fragment in segment.fragments {
                    reader.read(track, fragment, &mut buffer)?;
                    out.write_all(&buffer)?;
                }
                Ok(())
            })?;
        }
        self.begin_publish();
        for file in inits.into_iter().chain(playlists) {
            self.write(&in_folder(&file.path), |_, out| out.write_all(&file.bytes))?;
        }
        Ok(())
    }

    /// Writes one file as a whole and remembers its hash.
    fn write(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut BlobReader<'_>, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Unpublished> {
        self.check_right()?;
        if let Some(whole) = self.whole(name) {
            self.put_down(whole);
            return Ok(());
        }
        let reader = &mut self.reader;
        let written = self.place.write(name, random::token(), |file| {
            let mut out = Hashing {
                file: BufWriter::with_capacity(WRITE_BUFFER_BYTES, file),
                hasher: blake3::Hasher::new(),
                size: 0,
            };
            fill(reader, &mut out)?;
            out.file.flush()?;
            Ok((out.size, out.hasher.finalize()))
        });
        let (size, hash) = written.map_err(|error| self.unpublished(error))?;
        let file = PublishedFile {
            path: name.to_owned(),
            size,
            blake3: *hash.as_bytes(),
        };
        self.shared.note_published(self.job.run, &file);
        self.put_down(file);
        Ok(())
    }

    /// Before each step: the run must have no outcome yet, and the place must still be this job's.
    fn check_right(&self) -> Result<(), Unpublished> {
        if self.shared.is_stopping() {
            return Err(Unpublished::Stopped);
        }
        let key = Key::Outcome(self.job.run);
        let outcome = self.handle.block_on(async {
            tokio::select! {
                biased;
                () = self.shared.stopped() => Err(Unpublished::Stopped),
                found = self.shared.decided::<OutcomeRecord>(&key) => Ok(found?),
            }
        })?;
        if outcome.is_some() {
            return Err(Unpublished::Ended);
        }
        let claim = self.place.read(CLAIM_NAME).map_err(Unpublished::Place)?;
        if claim.is_some_and(|claim| claim == self.job.run.job.to_string().as_bytes()) {
            return Ok(());
        }
        super::still_claimed(self.job)
    }

    /// The file that an earlier try has written, if its bytes are still those: files are a function of the
    /// run's records, so it needn't be written again. The report is: it is small, and says that all is there.
    fn whole(&self, name: &str) -> Option<PublishedFile> {
        if name == REPORT_NAME {
            return None;
        }
        let noted = self.shared.noted_published(self.job.run, name)?;
        // One that can't be read is written again.
        let (size, hash) = self.place.digest(name).ok().flatten()?;
        (size == noted.size && *hash.as_bytes() == noted.blake3).then_some(noted)
    }

    fn put_down(&mut self, file: PublishedFile) {
        let channels = &self.job.channels;
        channels.show(|shown| shown.assembled_bytes += file.size);
        self.files.push(file);
    }

    /// Why reading or writing failed: what the store said counts more than what it led to.
    fn unpublished(&mut self, error: io::Error) -> Unpublished {
        if self.shared.is_stopping() {
            return Unpublished::Stopped;
        }
        if let Some(failure) = self.reader.failure.take() {
            return failure.into();
        }
        let media = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<MediaError>());
        match media {
            Some(media) => Unpublished::Evidence(bug(media.to_string())),
            None => Unpublished::Place(error),
        }
    }

    fn file_reports(&self) -> Vec<FileReport> {
        let mut files: Vec<_> = self
            .files
            .iter()
            .map(|file| FileReport {
                path: file.path.clone(),
                size: file.size,
                blake3: blake3::Hash::from_bytes(file.blake3).to_hex().to_string(),
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    fn begin_publish(&self) {
        let phase = Phase::Publish;
        let channels = &self.job.channels;
        if channels.progress.borrow().phase < phase {
            channels.show(|shown| shown.phase = phase);
            channels.tell(JobEvent::PhaseBegan { phase });
        }
    }
}

fn in_folder(path: &str) -> String {
    format!("{HLS_FOLDER}/{path}")
}

/// The system's own answer where there is one; else the engine's error, to be found again.
fn into_io(error: MediaError) -> io::Error {
    match error {
        MediaError::Io { source, .. } => source,
        other => io::Error::other(other),
    }
}

/// Hashes what is written.
struct Hashing<'a> {
    file: BufWriter<&'a mut File>,
    hasher: blake3::Hasher,
    size: u64,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
