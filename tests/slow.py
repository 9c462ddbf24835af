"""What takes long: by file the tests that together take a second or more, or all of them.

`make test` leaves them out, so that it takes five minutes on two cores; `make test-all` does not, nor does pytest when
it is called by itself. What is new is run by both until it is named here.
"""

ALL = ()
"""All tests of a file."""
SLOW = {
    "test_additions": (
        "test_rooms_may_be_imported_after_an_addition",
        "test_silence_is_never_taken_for_an_answer",
        "test_verify_says_what_is_missed",
        "test_what_is_added_misses_nothing",
        "test_what_is_defined_is_read_so_everywhere",
        "test_what_is_left_out_is_refused_by_name",
        "test_what_is_stated_wrongly_is_caught",
        "test_wrong_rules_are_caught",
    ),
    "test_archives": ("test_what_no_argument_of_an_audit_is_called_is_noted",),
    "test_array_api": ("test_the_example_runs",),
    "test_audit": ALL,
    "test_audit_evidence": ALL,
    "test_autoencoder": ("test_the_backward_pass_is_the_derivative",),
    "test_backward": (
        "test_affine_specs_have_their_exact_range_but_for_rounding",
        "test_rounding_that_is_forgotten_is_seen",
    ),
    "test_benchmarks": ALL,
    "test_bilinear_operations": ("test_backwards_as_the_gradients",),
    "test_bounds": ("test_rows_of_boxes_are_the_boxes_one_by_one",),
    "test_certificates": ("test_shipped_losses_are_proved",),
    "test_check": ("test_a_mutant_of_the_checker_is_seen",),
    "test_cli": (
        "test_certify",
        "test_ctrl_c_prints_what_is_known_and_a_checkpoint_keeps_it",
        "test_laws",
        "test_the_installed_command",
        "test_theory",
    ),
    "test_cli_errors": (
        "test_a_distribution_that_is_broken_takes_nobody_down",
        "test_broken_backends_do_not_take_the_lists_down",
    ),
    "test_cli_replays": ("test_a_replay_tells_each_change_of_a_record",),
    "test_composed": (
        "test_matrix_forms_are_right_or_refused_for_their_sizes",
        "test_what_is_composed_holds_under_a_reading",
    ),
    "test_conformance": (
        "test_a_pole_that_is_not_told_is_noticed",
        "test_generated_c_gives_the_values",
    ),
    "test_deep": ALL,
    "test_derive": (
        "test_rational_gradients_are_the_symbolic_ones_at_the_point",
        "test_the_stages_substituted_into_one_another_are_the_expansion",
    ),
    "test_digit_cnn": (
        "test_labels_are_proved_by_any_executor",
        "test_the_command_says_by_its_exit_code_whether_the_report_holds",
        "test_what_is_reported_of_a_digit",
    ),
    "test_digits": (
        "test_a_sweep_in_batches_finds_every_exact_value_inside",
        "test_a_sweep_is_the_same_whatever_the_executor",
        "test_a_sweep_sees_a_value_outside",
        "test_float64_lies_inside_the_enclosure_for_every_term_of_100_digits",
        "test_the_exact_losses_lie_inside_the_enclosures",
    ),
    "test_documents": ("test_a_page_does_what_it_says",),
    "test_domains": ("test_what_has_no_value_at_a_point_is_not_proved_there",),
    "test_from_onnx": (
        "test_bounds_contain_its_values",
        "test_enclosures_contain_its_values",
    ),
    "test_fuzz": (
        "test_an_end_of_exp_too_low_in_one_input_of_ten_thousand_is_caught",
        "test_no_operation_misses",
        "test_the_oracle_agrees_with_another_library",
        "test_the_proved_errors_are_needed_and_suffice",
        "test_whole_specs_contain_their_values_at_random_points_of_random_boxes",
    ),
    "test_fuzz_bounds": (
        "test_no_bound_misses",
        "test_the_fuzz_sees_a_fault_in_linear_bounds",
    ),
    "test_fuzz_claims": (
        "test_no_verdict_is_wrong",
        "test_the_fuzz_sees_a_wrong_rule",
    ),
    "test_fuzz_code": (
        "test_code_means_what_is_certified",
        "test_faults_are_found",
    ),
    "test_fuzz_jobs": ("test_every_job_answers_or_refuses",),
    "test_fuzz_replays": (
        "test_a_fault_is_seen",
        "test_prepared_calls_give_the_same_bits",
    ),
    "test_fuzz_tensors": ("test_no_value_of_a_program_lies_outside_of_its_bounds",),
    "test_fuzz_tolerance": ("test_no_float_errs_by_more_than_its_tolerance",),
    "test_gallery": ("test_the_mistake_is_found_as_shown",),
    "test_image_cnn": (
        "test_bounds_in_one_call_take_little_memory",
        "test_the_bounds_hold_at_corners_of_the_box",
    ),
    "test_inner_bounds": (
        "test_it_is_loud_without_asserts",
        "test_random_specs_that_lose_their_digits",
    ),
    "test_interval": ("test_elementary_functions_enclose_and_are_narrow",),
    "test_interval64": (
        "test_a_hundred_small_networks",
        "test_no_element_turns_off_what_another_needs",
    ),
    "test_jobs": (
        "test_a_client_of_dask_that_is_closed_midway_loses_nothing",
        "test_results_are_the_same_whatever_the_executor",
    ),
    "test_kernel_cache": (
        "test_a_file_that_is_damaged_is_not_run",
        "test_two_processes_at_once",
        "test_what_one_process_compiled_another_finds_and_no_changed_source_does",
        "test_without_a_folder_kernels_are_compiled",
    ),
    "test_kinks": (
        "test_random_specs_with_ties_on_purpose",
        "test_the_fuzz_sees_a_rule_that_picks_one_side",
    ),
    "test_laws": (
        "test_law_on_random_operands",
        "test_verify_returns_the_results_of_a_lawful_context",
    ),
    "test_layers": (
        "test_batches_and_gradients",
        "test_bounds_contain_the_values_at_points_inside",
    ),
    "test_load_weights": (
        "test_a_missing_package_is_named",
        "test_bombs_are_not_unpacked",
        "test_no_package_is_loaded_before_a_file_is",
    ),
    "test_matrix": ("test_the_formulas_equal_the_numbers_at_random_sizes",),
    "test_matrix_vocabulary": ("test_constants_that_are_as_large_as_the_sizes_are_refused",),
    "test_methods": ("test_the_shipped_losses_while_anything_varies",),
    "test_mistakes": (
        "test_a_bulk_mistake_is_caught",
        "test_a_scalar_mistake_is_caught",
        "test_an_enclosure_mistake_is_caught",
    ),
    "test_names": (
        "test_a_stage_a_parameter_or_a_function_called_like_a_helper",
        "test_names_are_identifiers_and_no_two_are_one",
    ),
    "test_not_installed": (
        "test_none_is_imported_unless_it_is_asked_for",
        "test_the_command_goes_on_without_them",
        "test_the_error_says_how_to_install_it",
    ),
    "test_notation": (
        "test_a_fraction_that_takes_in_a_factor_is_caught",
        "test_formulas_say_what_their_numpy_does",
    ),
    "test_notebooks": ALL,
    "test_numpy_code": ("test_calls_mean_what_they_mean_to_numpy",),
    "test_onnx_hostile": (
        "test_what_is_too_large_is_refused_soon",
        "test_what_is_too_large_takes_little_memory",
    ),
    "test_onnx_nodes": (
        "test_results_are_onnxs",
        "test_what_is_refused_is_refused_by_name",
    ),
    "test_plots": ALL,
    "test_processes": (
        "test_a_file_of_the_users_does_not_stand_in_for_a_library",
        "test_a_full_disk_is_told",
        "test_a_reader_that_has_gone_is_told_nothing",
        "test_a_signal_that_is_ignored_stays_so",
        "test_a_system_that_makes_no_more_processes_is_told",
        "test_a_worker_that_is_lost_is_not_waited_for",
        "test_an_interrupt_that_a_finalizer_swallows_comes_again",
        "test_an_output_that_is_closed_is_told",
        "test_any_encoding_of_the_output",
        "test_code_that_does_not_end_is_ended",
        "test_json_stays_json_in_any_encoding",
        "test_memory_that_ends_is_told_in_one_line",
        "test_signals_at_random_moments",
        "test_the_command_by_its_name",
        "test_the_fuzz_sees_what_is_wrong",
        "test_the_output_has_the_report_alone",
    ),
    "test_processors": ("test_pytest_leaves_them_out",),
    "test_programs": (
        "test_generated_python_and_c_agree_with_floats_on_a_thousand_inputs",
        "test_python_and_c_agree_with_the_spec",
    ),
    "test_programs_of_networks": (
        "test_programs_agree_with_floats",
        "test_random_specs_of_rows_are_what_floats_make_of_them",
    ),
    "test_prove_kernels": (
        "test_a_bound_that_is_too_small_is_refused",
        "test_a_mistake_in_a_kernel_is_refused",
        "test_functions_of_e_to_the_r_are_within_their_bounds",
    ),
    "test_rational": (
        "test_a_broken_product_is_caught",
        "test_a_thousand_random_layers",
    ),
    "test_reference": (
        "test_an_example_in_a_text_runs",
        "test_every_text_says_what_it_takes_gives_and_raises",
    ),
    "test_relaxations": (
        "test_lines_do_not_cross_the_function",
        "test_tangents_at_other_points_do_not_cross_the_function",
    ),
    "test_reports": (
        "test_a_page_is_complete_and_needs_nothing_else",
        "test_each_command_writes_its_page",
    ),
    "test_rounding": ("test_errors_are_inherited_through_a_chain",),
    "test_sizes": (
        "test_a_spec_that_looks_at_its_sizes_is_proved_for_the_given_ones_only",
        "test_the_fuzzer_finds_a_verdict_that_claims_too_much",
        "test_verdicts_on_random_specs_hold",
    ),
    "test_stages": (
        "test_a_thousand_stages_are_reported_in_seconds",
        "test_certificates_are_the_same_whatever_the_executor",
    ),
    "test_systems": ALL,
    "test_theory": (
        "test_all_facts_take_less_than_thirty_seconds",
        "test_exp_lies_above_its_tangent_and_a_kl_coordinate_is_not_negative",
        "test_what_is_for_any_sizes_and_what_for_given_ones",
    ),
    "test_theory_prove": (
        "test_a_branch_on_a_variable_is_never_taken",
        "test_a_kink_refutes_nothing",
        "test_a_proof_of_equality_holds_at_every_point_and_a_refutation_is_no_error",
        "test_a_side_that_has_no_value_anywhere_is_told_to_have_none",
        "test_nonnegative",
        "test_what_is_proved_of_random_functions_holds_at_random_points",
    ),
    "test_to_onnx": (
        "test_each_operation_is_written_and_read_again",
        "test_networks",
    ),
    "test_tolerance": (
        "test_a_softmax_of_the_size_of_a_vision_transformers",
        "test_a_tolerance_is_the_same_whatever_the_executor",
        "test_every_operation_has_a_tolerance_whatever_varies",
        "test_logsumexp_is_off_by_little_more_than_it_is_written_out",
        "test_long_chains_and_images_take_seconds",
        "test_no_bound_is_below_the_observed_error",
        "test_no_random_spec_errs_by_more_than_its_tolerance",
        "test_the_adjoint_form_with_600_bisections_is_fptaylors",
    ),
    "test_traps": ("test_16_tensors_travel_to_another_process",),
    "test_typed_results": ALL,
    "test_verification": (
        "test_alternatives_that_are_too_many_are_no_cases",
        "test_answers_agree_with_exact_points",
        "test_the_scripts_write_the_answer",
        "test_the_timeout_counts_everything",
    ),
}

VARIANTS = {"interval24", "interval113", "arb"}
"""Contexts that are others at other precisions, or a third party's: what is run under all contexts is slow under these.
"""


def is_slow(item):
    """Is a test of pytest's among them?"""
    names = SLOW.get(item.path.stem)
    varied = hasattr(item, "callspec") and not VARIANTS.isdisjoint(item.callspec.id.split("-"))
    return varied or (names is not None and (not names or item.originalname in names))
