//! Shows what holds for every plan.

mod films;
mod judging;
mod laws;
mod shapes;
