//! The pool with an engine that does as it is told: each attempt ends exactly once, whatever the
//! engine does, and the workers live on.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor as _, ActorRef};
use reelmesh_actors::engine::{Engine, Task, TaskReport};
use reelmesh_actors::pool::{Pool, PoolEvent, PoolMessage, PoolSetup};
use reelmesh_actors::spool::Spool;
use reelmesh_actors::worker::{Assignment, AttemptResult};
use reelmesh_domain::ids::{AttemptNumber, JobId, RunNumber, Token, UnitId};
use reelmesh_domain::media_types::{
    AudioRendition, AudioReport, AudioTask, Container, FragmentInfo, TrackReport,
};
use reelmesh_domain::rational::Rational;
use reelmesh_media::control::Control;
use reelmesh_media::error::MediaError;
use reelmesh_media::io::{ByteSource, FragmentSink};
use tokio::sync::mpsc;

/// Does what the task's stream number says.
#[derive(Debug)]
struct Obedient;

const SUCCEED: u32 = 0;
const FAIL: u32 = 1;
const PANIC: u32 = 2;
const WAIT_FOR_CANCEL: u32 = 3;

impl Engine for Obedient {
    fn run(
        &self,
        task: &Task,
        _source: Arc<dyn ByteSource>,
        sink: &mut dyn FragmentSink,
        control: &dyn Control,
    ) -> Result<TaskReport, MediaError> {
        let Task::Audio(audio) = task else {
            return Err(MediaError::Bug {
                rule: "these tests have audio tasks".to_owned(),
            });
        };
        match audio.stream {
            SUCCEED => {
                let info = FragmentInfo {
                    sequence: 1,
                    decode_time: 0,
                    duration: 1,
                    samples: 1,
                    bytes: 4,
                };
                let failed = |source| MediaError::Io {
                    what: "writing",
                    source,
                };
                sink.put(0, &info, b"abcd").map_err(failed)?;
                Ok(report(info))
            }
            FAIL => Err(MediaError::Unreadable {
                what: "as told".to_owned(),
            }),
            PANIC => panic!("as told"),
            _ => {
                while !control.cancelled() {
                    std::thread::yield_now();
                }
                Err(MediaError::Cancelled)
            }
        }
    }
}

fn report(info: FragmentInfo) -> TaskReport {
    TaskReport::Audio(Box::new(AudioReport {
        track: TrackReport {
            codec_config: Vec::new(),
            fragments: vec![info],
            vbv: None,
            priming_samples: 0,
            presentation_delay: 0,
        },
        samples: 1,
        damaged_packets: 0,
        cpu_us: 0,
    }))
}

struct NoBytes;

impl ByteSource for NoBytes {
    fn length(&self) -> u64 {
        0
    }

    fn read_at(&self, _offset: u64, _buffer: &mut [u8]) -> std::io::Result<usize> {
        Ok(0)
    }
}

fn assignment(number: u8, behaviour: u32) -> Assignment {
    let task = AudioTask {
        container: Container::Mp4,
        stream: behaviour,
        source_time_base: Rational::ONE,
        mapping: reelmesh_domain::media_types::PacketMapping::default(),
        mapping_time_base: Rational::ONE,
        wrap_reference: 0,
        origin_s: Rational::ZERO,
        cell_ends: vec![1],
        rendition: AudioRendition {
            name: "audio-1".to_owned(),
            language: None,
            title: None,
            default: true,
            sample_rate_hz: 48_000,
            channels: 2,
            bitrate_bps: 128_000,
        },
    };
    Assignment {
        job: JobId::from_bits(1),
        run: RunNumber(0),
        unit: UnitId::from_bytes([number; 16]),
        attempt: AttemptNumber(1),
        token: Token::from_bytes([number; 16]),
        created: reelmesh_domain::time::WallTime(0),
        task: Arc::new(Task::Audio(Box::new(task))),
        source: Arc::new(NoBytes),
    }
}

struct Rig {
    pool: ActorRef<PoolMessage>,
    events: mpsc::UnboundedReceiver<PoolEvent>,
    spool: Spool,
    _dir: tempfile::TempDir,
}

impl Rig {
    async fn start(workers: u32) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let spool = Spool::new(dir.path());
        let (sender, events) = mpsc::unbounded_channel();
        let setup = PoolSetup {
            workers: NonZeroU32::new(workers).expect("at least one worker"),
            engine: Arc::new(Obedient),
            spool: spool.clone(),
            listener: Arc::new(move |event| drop(sender.send(event))),
        };
        let (pool, _task) = Pool::spawn(None, Pool, setup).await.expect("it starts");
        Self {
            pool,
            events,
            spool,
            _dir: dir,
        }
    }

    fn tell(&self, message: PoolMessage) {
        self.pool.cast(message).expect("the pool lives");
    }

    async fn next(&mut self) -> PoolEvent {
        /// Ample on a busy machine; passing it fails the test instead of hanging it.
        const DEADLINE: Duration = Duration::from_secs(30);
        tokio::time::timeout(DEADLINE, self.events.recv())
            .await
            .expect("an event comes in time")
            .expect("the pool lives")
    }

    /// The next end of an attempt, beginnings skipped.
    async fn end(&mut self) -> (Assignment, AttemptResult) {
        loop {
            if let PoolEvent::Ended {
                assignment, result, ..
            } = self.next().await
            {
                return (assignment, result);
            }
        }
    }
}

/// A pool that is killed takes its workers with it, and their threads are told to stop: else they would
/// work on beside those that follow them.
#[tokio::test]
async fn a_killed_pool_stops_its_threads() {
    let mut rig = Rig::start(1).await;
    rig.tell(PoolMessage::Assign(assignment(1, WAIT_FOR_CANCEL)));
    let PoolEvent::Began { watch, .. } = rig.next().await else {
        panic!("it begins first");
    };
    rig.pool.kill();
    let stopped = async {
        while !watch.cancelled() {
            tokio::task::yield_now().await;
        }
    };
    let stopped = tokio::time::timeout(Duration::from_secs(30), stopped).await;
    assert!(stopped.is_ok(), "the thread works on");
}

/// One worker outlives an engine that fails and one that panics, and then spools a success; the
/// spool of what ended badly is gone.
#[tokio::test]
async fn every_attempt_ends_once_and_the_worker_lives() {
    let mut rig = Rig::start(1).await;
    rig.tell(PoolMessage::Assign(assignment(1, FAIL)));
    let (ended, result) = rig.end().await;
    assert_eq!(ended.token, Token::from_bytes([1; 16]));
    let unreadable = AttemptResult::Failed(MediaError::Unreadable {
        what: "as told".to_owned(),
    });
    assert_eq!(format!("{result:?}"), format!("{unreadable:?}"));

    rig.tell(PoolMessage::Assign(assignment(2, PANIC)));
    let (_, result) = rig.end().await;
    assert!(
        matches!(&result, AttemptResult::Crashed { evidence } if evidence == "as told"),
        "{result:?}"
    );

    rig.tell(PoolMessage::Assign(assignment(3, SUCCEED)));
    let (ended, result) = rig.end().await;
    let AttemptResult::Spooled { blobs, .. } = result else {
        panic!("{result:?}");
    };
    let bytes = rig.spool.read(ended.token, 0, &blobs[0][0]).unwrap();
    assert_eq!(bytes, b"abcd");
    let crashed = Token::from_bytes([2; 16]);
    assert!(rig.spool.read(crashed, 0, &blobs[0][0]).is_err());
}

/// Two workers take two tasks; a third is refused, one taken twice runs once; revoking stops it.
#[tokio::test]
async fn credit_is_kept_and_revoking_stops() {
    let mut rig = Rig::start(2).await;
    for number in [1, 1, 2, 3] {
        rig.tell(PoolMessage::Assign(assignment(number, WAIT_FOR_CANCEL)));
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(match rig.next().await {
            PoolEvent::Began { assignment, .. } => ("began", assignment.token.as_bytes()[0]),
            PoolEvent::Refused(assignment) => ("refused", assignment.token.as_bytes()[0]),
            PoolEvent::Ended { result, .. } => panic!("{result:?}"),
        });
    }
    assert_eq!(seen, [("began", 1), ("began", 2), ("refused", 3)]);
    let idle = ractor::call!(rig.pool, PoolMessage::Idle).unwrap();
    assert_eq!(idle, 0);
    for number in [9, 2] {
        rig.tell(PoolMessage::Revoke(Token::from_bytes([number; 16])));
    }
    let (ended, result) = rig.end().await;
    assert_eq!(ended.token.as_bytes()[0], 2);
    assert!(
        matches!(result, AttemptResult::Failed(MediaError::Cancelled)),
        "{result:?}"
    );
}

/// A killed worker: its attempt is reported as crashed, and a new worker takes the next one.
#[tokio::test]
async fn a_dead_worker_is_replaced() {
    let mut rig = Rig::start(1).await;
    rig.tell(PoolMessage::Assign(assignment(1, WAIT_FOR_CANCEL)));
    let began = rig.next().await;
    assert!(matches!(began, PoolEvent::Began { .. }), "{began:?}");
    for worker in rig.pool.get_children() {
        worker.kill();
    }
    let (ended, result) = rig.end().await;
    assert_eq!(ended.token.as_bytes()[0], 1);
    assert!(
        matches!(result, AttemptResult::Crashed { .. }),
        "{result:?}"
    );
    // Refused until the new worker is there; each refusal is an event, so this doesn't spin.
    loop {
        rig.tell(PoolMessage::Assign(assignment(2, SUCCEED)));
        if let PoolEvent::Began { .. } = rig.next().await {
            break;
        }
        tokio::task::yield_now().await;
    }
    let (_, result) = rig.end().await;
    assert!(
        matches!(result, AttemptResult::Spooled { .. }),
        "{result:?}"
    );
}
