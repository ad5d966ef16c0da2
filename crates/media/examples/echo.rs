//! What the microphone's processor makes of rooms and noises: `cargo run --release -p tern-media --example echo`.
//! Beside the cancellers of others: crates/media/benches-peers.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/it/scenes.rs"]
mod scenes;

use scenes::{Figures, Noise, Scene, pesq, rooms, to_level};
use tern_media::{ProcessConfig, Processor};

fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/speech-48k.wav");
    let speech: Vec<f32> = hound::WavReader::open(path)
        .expect("the fixture")
        .into_samples::<i16>()
        .map(|sample| f32::from(sample.expect("16 bit")) / 32_768.0)
        .collect();
    println!("| room | {} |\n|---|---|---|---|---|---|---|", Figures::HEAD);
    for room in rooms() {
        let scene = Scene::new(room, &speech);
        let mut processor = Processor::new(ProcessConfig { echo: true, noise: false, gain: false });
        let out = scene.through(|render, microphone, out| {
            processor.render(render);
            processor.capture(microphone, out);
        });
        println!("| {} | {} |", room.name, Figures::of(&scene, &out));
    }
    println!("\n| noise | SNR | PESQ before | after |\n|---|---|---|---|");
    let mut clean = speech.repeat(3);
    to_level(&mut clean, -25.0);
    let after = |microphone: &[f32]| {
        let mut processor = Processor::new(ProcessConfig { echo: false, noise: true, gain: false });
        let mut out = Vec::new();
        processor.capture(microphone, &mut out);
        pesq(&clean, &out, 5.0, 15.0)
    };
    println!("| none | | 4.64 | {:.2} |", after(&clean));
    for noise in Noise::ALL {
        for snr in [5.0, 10.0, 15.0] {
            let scale = 10_f32.powf((5.0 - snr) / 20.0);
            let noise_samples = noise.samples(&speech, clean.len(), 9);
            let noisy: Vec<f32> = clean.iter().zip(noise_samples).map(|(c, n)| c + n * scale).collect();
            println!(
                "| {noise:?} | {snr} dB | {:.2} | {:.2} |",
                pesq(&clean, &noisy, 5.0, 15.0),
                after(&noisy)
            );
        }
    }
}
