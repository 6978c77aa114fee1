//! Waits for an answer of a device, or requests it now and takes it later.

use super::block::block_on;
use burn::tensor::Tensor;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// An answer that was requested.
pub(crate) enum Asked<T> {
    Answered(T),
    Waiting(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> Asked<T> {
    /// Requests the answer without waiting for it. A future does nothing before it is first polled,
    /// so it is polled once.
    pub(crate) fn now(future: impl Future<Output = T> + Send + 'static) -> Self {
        let mut future: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(future);
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Asked::Answered(answer),
            Poll::Pending => Asked::Waiting(future),
        }
    }

    /// Waits for the answer.
    pub(crate) fn answer(self) -> T {
        match self {
            Asked::Answered(answer) => answer,
            Asked::Waiting(future) => block_on(future),
        }
    }
}

/// Requests the numbers of a tensor. Burn's own `into_data` would fetch them from an adapter only
/// when they are read, and thus after all work that was queued in the meantime.
pub(crate) fn fetch(numbers: Tensor<1>) -> Asked<Result<Vec<f32>, String>> {
    #[cfg(feature = "wgpu")]
    if super::adapter::holds(&numbers) {
        return Asked::now(super::adapter::read(numbers));
    }
    Asked::now(async move {
        let data = numbers.into_data_async().await;
        let data = data.map_err(|error| error.to_string())?;
        Ok(data.iter::<f32>().collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_given_by_another_thread_is_waited_for() {
        let (send, receive) = std::sync::mpsc::channel::<u8>();
        let mut answer = None;
        let asked = Asked::now(std::future::poll_fn(move |context| {
            answer = answer.or_else(|| receive.try_recv().ok());
            match answer {
                Some(answer) => Poll::Ready(answer),
                None => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            }
        }));
        assert!(matches!(asked, Asked::Waiting(_)));
        std::thread::spawn(move || send.send(7));
        assert_eq!(asked.answer(), 7);
        assert_eq!(Asked::now(std::future::ready(3)).answer(), 3);
    }
}
