//! Echo cancellers over the same rooms: ours, speexdsp, sonora and aec3. Each with nothing but echo cancellation on,
//! as far as it can be chosen.

#![allow(dead_code, missing_docs)]

// Of the crate, only the processor and the scenes are built: it takes seconds instead of minutes.
#[path = "../src/level.rs"]
mod level;
#[path = "../src/process/mod.rs"]
mod process;
#[path = "../tests/it/scenes.rs"]
mod scenes;

pub(crate) const DEVICE_RATE: u32 = 48_000;

use process::{ProcessConfig, Processor};
use scenes::{BLOCK, Figures, Scene, rooms};

fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/speech-48k.wav");
    let speech: Vec<f32> = hound::WavReader::open(path)
        .expect("the fixture")
        .into_samples::<i16>()
        .map(|sample| f32::from(sample.expect("16 bit")) / 32_768.0)
        .collect();
    println!("| room | canceller | {} | CPU |", Figures::HEAD);
    println!("|---|---|---|---|---|---|---|---|---|");
    for room in rooms() {
        let scene = Scene::new(room, &speech);
        row(&scene, "Tern", tern);
        row(&scene, "speexdsp", speexdsp);
        row(&scene, "sonora", sonora);
        row(&scene, "aec3", aec3);
    }
}

fn row(scene: &Scene, name: &str, canceller: fn(&Scene) -> Vec<f32>) {
    let before = cpu_seconds();
    let out = canceller(scene);
    let share = (cpu_seconds() - before) / f64::from(scene.room.seconds) * 100.0;
    println!("| {} | {name} | {} | {share:.1} % |", scene.room.name, Figures::of(scene, &out));
}

/// Time this thread has had a processor.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn tern(scene: &Scene) -> Vec<f32> {
    let mut processor = Processor::new(ProcessConfig { echo: true, noise: false, gain: false });
    scene.through(|render, microphone, out| {
        processor.render(render);
        processor.capture(microphone, out);
    })
}

fn sonora(scene: &Scene) -> Vec<f32> {
    use sonora::{AudioProcessing, Config, StreamConfig};
    let mono = StreamConfig::new(DEVICE_RATE, 1);
    let config = Config { echo_canceller: Some(Default::default()), ..Default::default() };
    let mut processing =
        AudioProcessing::builder().config(config).capture_config(mono).render_config(mono).build();
    let mut block = [0.0; BLOCK];
    scene.through(|render, microphone, out| {
        processing.process_render_f32(&[render], &mut [&mut block]).expect("10 ms");
        processing.process_capture_f32(&[microphone], &mut [&mut block]).expect("10 ms");
        out.extend_from_slice(&block);
    })
}

fn aec3(scene: &Scene) -> Vec<f32> {
    use aec3::nodes::audio::AudioFormat;
    let format = AudioFormat::ten_ms(DEVICE_RATE, 1);
    let mut pipeline = aec3::pipelines::linear::builder(format, format).build().expect("a pipeline");
    let mut block = [0.0; BLOCK];
    scene.through(|render, microphone, out| {
        pipeline.handle_render_frame(render).expect("10 ms");
        pipeline.process_capture_frame(microphone, &mut block).expect("10 ms");
        out.extend_from_slice(&block);
    })
}

/// The canceller and, after it, the preprocessor that knows what it left; noise suppression off, a tail of 450 ms.
fn speexdsp(scene: &Scene) -> Vec<f32> {
    let mut speex = speex::Canceller::new(BLOCK, 45 * BLOCK, DEVICE_RATE);
    let to_16 = |samples: &[f32]| {
        samples.iter().map(|s| (s * 32_768.0).clamp(-32_768.0, 32_767.0) as i16).collect::<Vec<_>>()
    };
    scene.through(|render, microphone, out| {
        let block = speex.process(&to_16(microphone), &to_16(render));
        out.extend(block.iter().map(|s| f32::from(*s) / 32_768.0));
    })
}

mod speex {
    use std::ffi::{c_int, c_void};

    #[link(name = "speexdsp")]
    unsafe extern "C" {
        fn speex_echo_state_init(frame: c_int, tail: c_int) -> *mut c_void;
        fn speex_echo_ctl(state: *mut c_void, request: c_int, value: *mut c_void) -> c_int;
        fn speex_echo_cancellation(state: *mut c_void, near: *const i16, far: *const i16, out: *mut i16);
        fn speex_echo_state_destroy(state: *mut c_void);
        fn speex_preprocess_state_init(frame: c_int, rate: c_int) -> *mut c_void;
        fn speex_preprocess_ctl(state: *mut c_void, request: c_int, value: *mut c_void) -> c_int;
        fn speex_preprocess_run(state: *mut c_void, samples: *mut i16) -> c_int;
        fn speex_preprocess_state_destroy(state: *mut c_void);
    }

    const ECHO_SET_SAMPLING_RATE: c_int = 24;
    const PREPROCESS_SET_DENOISE: c_int = 0;
    const PREPROCESS_SET_ECHO_STATE: c_int = 24;

    pub(super) struct Canceller {
        echo: *mut c_void,
        preprocess: *mut c_void,
        frame: usize,
    }

    impl Canceller {
        pub(super) fn new(frame: usize, tail: usize, rate: u32) -> Self {
            let (mut rate, mut off) = (rate as c_int, 0 as c_int);
            // SAFETY: both states live until `drop`; the requests take an int or the echo's state by pointer.
            unsafe {
                let echo = speex_echo_state_init(frame as c_int, tail as c_int);
                speex_echo_ctl(echo, ECHO_SET_SAMPLING_RATE, (&raw mut rate).cast());
                let preprocess = speex_preprocess_state_init(frame as c_int, rate);
                speex_preprocess_ctl(preprocess, PREPROCESS_SET_DENOISE, (&raw mut off).cast());
                speex_preprocess_ctl(preprocess, PREPROCESS_SET_ECHO_STATE, echo);
                Self { echo, preprocess, frame }
            }
        }

        pub(super) fn process(&mut self, near: &[i16], far: &[i16]) -> Vec<i16> {
            assert!(near.len() == self.frame && far.len() == self.frame);
            let mut out = vec![0; self.frame];
            // SAFETY: all three are a frame long, which was asserted.
            unsafe {
                speex_echo_cancellation(self.echo, near.as_ptr(), far.as_ptr(), out.as_mut_ptr());
                speex_preprocess_run(self.preprocess, out.as_mut_ptr());
            }
            out
        }
    }

    impl Drop for Canceller {
        fn drop(&mut self) {
            // SAFETY: made in `new`, and used by nobody else.
            unsafe {
                speex_preprocess_state_destroy(self.preprocess);
                speex_echo_state_destroy(self.echo);
            }
        }
    }
}
