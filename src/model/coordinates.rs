//! Places on the globe: how far a number's rate centre is from a point.

const EARTH_RADIUS_MILES: f64 = 3958.8;

/// A place in degrees: north and east are positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    pub latitude: f64,
    pub longitude: f64,
}

impl Coordinates {
    /// Reads Twilio's `NearLatLong`: latitude and longitude with a comma between them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (latitude, longitude) = text.split_once(',')?;
        Some(Self { latitude: latitude.trim().parse().ok()?, longitude: longitude.trim().parse().ok()? })
    }

    /// The length of the great circle to another place, in miles.
    #[must_use]
    pub fn miles_to(self, other: Self) -> f64 {
        let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let chord = half(self.latitude, other.latitude)
            + from.cos() * to.cos() * half(self.longitude, other.longitude);
        2.0 * EARTH_RADIUS_MILES * chord.sqrt().asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_miles() {
        let at = |latitude, longitude| Coordinates { latitude, longitude };
        let (san_francisco, oakland) = (at(37.7749, -122.4194), at(37.8044, -122.2712));
        assert!((san_francisco.miles_to(oakland) - 8.3).abs() < 0.1);
        assert!((san_francisco.miles_to(at(40.7128, -74.006)) - 2565.0).abs() < 5.0);
        assert!(at(f64::NAN, f64::NAN).miles_to(oakland).is_nan());
    }
}
