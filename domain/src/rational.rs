//! Exact rational numbers: frame rates, time bases and durations are never floating point.

use core::cmp::Ordering;
use core::fmt;

use serde::{Deserialize, Serialize};

/// A fraction in lowest terms with a positive denominator.
///
/// Times are in seconds and rates in hertz unless a name says otherwise. Arithmetic is exact and
/// checked: a result that leaves `i64` is `None`, never a wrapped value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(i64, i64)", into = "(i64, i64)")]
pub struct Rational {
    numerator: i64,
    denominator: i64,
}

/// The denominator was zero, or the fraction has no representation in `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a fraction that fits in 64 bits")]
pub struct NotRational;

impl Rational {
    /// Zero.
    pub const ZERO: Self = Self {
        numerator: 0,
        denominator: 1,
    };
    /// One.
    pub const ONE: Self = Self {
        numerator: 1,
        denominator: 1,
    };

    /// The fraction `numerator / denominator`, reduced; `None` if the denominator is zero or the
    /// reduced fraction doesn't fit.
    pub fn new(numerator: i64, denominator: i64) -> Option<Self> {
        Self::reduce(i128::from(numerator), i128::from(denominator))
    }

    /// A whole number.
    pub const fn whole(value: i64) -> Self {
        Self {
            numerator: value,
            denominator: 1,
        }
    }

    /// The numerator, which carries the sign.
    pub const fn numerator(self) -> i64 {
        self.numerator
    }

    /// The denominator, at least 1.
    pub const fn denominator(self) -> i64 {
        self.denominator
    }

    /// `1 / self`; `None` for zero.
    pub fn inverse(self) -> Option<Self> {
        Self::new(self.denominator, self.numerator)
    }

    /// The sum; `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::reduce(
            wide(self.numerator) * wide(other.denominator)
                + wide(other.numerator) * wide(self.denominator),
            wide(self.denominator) * wide(other.denominator),
        )
    }

    /// The difference; `None` on overflow.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self {
            numerator: other.numerator.checked_neg()?,
            ..other
        })
    }

    /// The product; `None` on overflow.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        Self::reduce(
            wide(self.numerator) * wide(other.numerator),
            wide(self.denominator) * wide(other.denominator),
        )
    }

    /// The quotient; `None` on overflow or division by zero.
    pub fn checked_div(self, other: Self) -> Option<Self> {
        self.checked_mul(other.inverse()?)
    }

    /// The largest whole number not above `self`.
    pub const fn floor(self) -> i64 {
        self.numerator.div_euclid(self.denominator)
    }

    /// The smallest whole number not below `self`.
    pub const fn ceil(self) -> i64 {
        let floor = self.floor();
        if self.numerator.rem_euclid(self.denominator) == 0 {
            floor
        } else {
            floor + 1
        }
    }

    /// The nearest whole number, halves rounded up (towards positive infinity).
    pub fn round(self) -> i64 {
        let twice = wide(self.denominator) * 2;
        let rounded = (wide(self.numerator) * 2 + wide(self.denominator)).div_euclid(twice);
        i64::try_from(rounded).unwrap_or(self.numerator)
    }

    /// For people and cost estimates only: nothing that decides bytes may use it.
    #[expect(
        clippy::cast_precision_loss,
        reason = "an approximation is what is asked for"
    )]
    pub fn approximate(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    fn reduce(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let divisor = greatest_common_divisor(numerator.unsigned_abs(), denominator.unsigned_abs());
        let divisor = i128::try_from(divisor).ok()? * denominator.signum();
        Some(Self {
            numerator: i64::try_from(numerator / divisor).ok()?,
            denominator: i64::try_from(denominator / divisor).ok()?,
        })
    }
}

/// `value × factor`, rounded to the nearest whole number, halves up; `None` on overflow.
///
/// This is the one way ticks of one time base become ticks of another.
pub fn scale(value: i64, factor: Rational) -> Option<i64> {
    let denominator = wide(factor.denominator);
    let product = wide(value).checked_mul(wide(factor.numerator))?;
    i64::try_from((product * 2 + denominator).div_euclid(denominator * 2)).ok()
}

fn wide(value: i64) -> i128 {
    i128::from(value)
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

impl Ord for Rational {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = wide(self.numerator) * wide(other.denominator);
        left.cmp(&(wide(other.numerator) * wide(self.denominator)))
    }
}

impl PartialOrd for Rational {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.denominator == 1 {
            write!(f, "{}", self.numerator)
        } else {
            write!(f, "{}/{}", self.numerator, self.denominator)
        }
    }
}

impl TryFrom<(i64, i64)> for Rational {
    type Error = NotRational;

    fn try_from((numerator, denominator): (i64, i64)) -> Result<Self, NotRational> {
        Self::new(numerator, denominator).ok_or(NotRational)
    }
}

impl From<Rational> for (i64, i64) {
    fn from(value: Rational) -> Self {
        (value.numerator, value.denominator)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_rational() -> impl Strategy<Value = Rational> {
        (-1_000_000_i64..1_000_000, 1_i64..1_000_000)
            .prop_map(|(n, d)| Rational::new(n, d).expect("the denominator isn't zero"))
    }

    proptest! {
        /// Floor, round and ceil enclose the value and differ by less than one.
        #[test]
        fn rounding_encloses(value in any_rational()) {
            let floor = Rational::whole(value.floor());
            let ceil = Rational::whole(value.ceil());
            prop_assert!(floor <= value && value <= ceil);
            prop_assert!(value.ceil() - value.floor() <= 1);
            prop_assert!(value.round() == value.floor() || value.round() == value.ceil());
        }

        /// Sums and products can be undone exactly.
        #[test]
        fn arithmetic_is_exact(a in any_rational(), b in any_rational()) {
            prop_assert_eq!(a.checked_add(b).and_then(|sum| sum.checked_sub(b)), Some(a));
            if b != Rational::ZERO {
                prop_assert_eq!(a.checked_mul(b).and_then(|product| product.checked_div(b)), Some(a));
            }
        }

        /// Scaling is the rounded exact product.
        #[test]
        fn scaling_rounds_the_product(value in -1_000_000_000_i64..1_000_000_000, factor in any_rational()) {
            let exact = Rational::whole(value).checked_mul(factor).map(Rational::round);
            prop_assert_eq!(scale(value, factor), exact);
        }
    }

    /// Zero denominators and values out of range are refused.
    #[test]
    fn refuses_what_is_no_fraction() {
        assert_eq!(Rational::new(1, 0), None);
        assert_eq!(Rational::whole(i64::MAX).checked_add(Rational::ONE), None);
        assert_eq!(Rational::new(-4, -6), Rational::new(2, 3));
    }
}
