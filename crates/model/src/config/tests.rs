use super::*;

#[test]
fn parametrisations_agree_at_the_base() {
    let (standard, mup) = (Parametrization::Standard, Parametrization::Mup);
    assert_eq!(mup.shrink(Parametrization::BASE_WIDTH), standard.shrink(7));
    let head = Parametrization::BASE_HEAD;
    assert_eq!(mup.score_scale(head), standard.score_scale(head));
    assert_eq!(mup.shrink(256), 0.25);
}

#[test]
fn an_odd_head_is_refused_under_rotary_position_only() {
    let shape = Shape::new(15, 1, 3).unwrap();
    let odd = |position| ModelConfig { shape, position, ..tiny(Norm::Rms, position) };
    assert_eq!(
        odd(Position::Rope).check(),
        Err(ShapeError::OddHead { d_model: 15, n_heads: 3, head: 5 })
    );
    assert_eq!(odd(Position::Learned).check(), Ok(()));
}

/// The bytes that the ids of runs are hashes of: fields that came later are not among them.
#[test]
fn a_transformer_is_written_as_it_was_before_there_were_halves() {
    let written = serde_json::to_string(&tiny(Norm::Rms, Position::Rope)).unwrap();
    let expected = r#"{"shape":{"d_model":24,"n_layers":3,"n_heads":2},"norm":"rms","position":"rope","vocab_size":256,"context":128}"#;
    assert_eq!(written, expected);
    let other = ModelConfig { feed_forward: FeedForward::None, ..tiny(Norm::Rms, Position::Rope) };
    let written = serde_json::to_string(&other).unwrap();
    assert!(written.ends_with(r#""feed_forward":"none"}"#), "{written}");
    assert_eq!(serde_json::from_str::<ModelConfig>(&written).unwrap(), other);
}

#[test]
fn tensors_come_in_the_order_of_the_checkpoint_with_names_of_their_own() {
    let model = tiny(Norm::Rms, Position::Learned);
    let names: Vec<String> = model.tensors().into_iter().map(|tensor| tensor.name).collect();
    assert_eq!(names[..3], ["token", "position", "blocks.0.attention_norm"]);
    assert_eq!(names[names.len() - 3..], ["blocks.2.down", "norm", "head"]);
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    let none = ModelConfig { feed_forward: FeedForward::None, ..model };
    assert!(none.tensors().iter().all(|tensor| !tensor.name.contains("mlp_norm")));
    assert_eq!(none.tensors().len(), names.len() - 3 * 3);
}

#[test]
fn muon_takes_products_for_its_linear_maps_and_the_others_take_none() {
    let model = tiny(Norm::Rms, Position::Rope);
    let cube = 24f64.powi(3);
    assert_eq!(model.flops_optimizer(OptimizerKind::Muon), 3.0 * 300.0 * cube);
    for kind in [OptimizerKind::AdamW, OptimizerKind::Sgd] {
        assert_eq!(model.flops_optimizer(kind), 0.0);
    }
    let lstm = Mixer::Recurrent(crate::Recurrent::Lstm);
    let lstm = ModelConfig { mixer: lstm, feed_forward: FeedForward::None, ..model };
    assert_eq!(lstm.flops_optimizer(OptimizerKind::Muon), 3.0 * 8.0 * 30.0 * cube);
}

/// What the fused operations of a transformer keep: twelve widths and two numbers a head.
#[test]
fn what_the_backward_pass_keeps_is_what_it_was() {
    let model = tiny(Norm::Layer, Position::Rope);
    assert_eq!(model.kept_per_token(), 3.0 * (12.0 * 24.0 + 2.0 * 2.0));
}
