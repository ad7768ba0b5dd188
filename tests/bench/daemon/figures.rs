//! What is made of many figures.

use std::time::Duration;

/// The value below which this share of them lies.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The rise of the line that fits best through these points.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), point| {
        (over + (point.0 - x) * (point.1 - y), under + (point.0 - x).powi(2))
    });
    over / under
}

/// Median, 95th percentile and worst, in seconds.
pub(crate) fn times(durations: &[Duration]) -> String {
    let seconds: Vec<f64> = durations.iter().map(Duration::as_secs_f64).collect();
    let [median, most, worst] = [0.5, 0.95, 1.0].map(|share| quantile(&seconds, share));
    format!("{} | {median:.3} | {most:.3} | {worst:.3}", durations.len())
}

pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
