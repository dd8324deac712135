//! reelmesh-actors
