//! From a law's number of parameters to code that is generic over it.

/// Calls a function generic over the number of parameters.
macro_rules! with_parameters {
    ($law:expr, $P:ident => $body:expr) => {
        $crate::laws::with_parameters!(@of $law, $P => $body; 2 3 4 5 6 7 9 10 11; 12)
    };
    (@of $law:expr, $P:ident => $body:expr; $($count:literal)*; $most:literal) => {
        match $law.parameters() {
            $($count => {
                const $P: usize = $count;
                $body
            })*
            _ => {
                const $P: usize = $most;
                $body
            }
        }
    };
}
pub(crate) use with_parameters;
