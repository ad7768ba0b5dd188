//! The integration tests: the real binary against the sandbox over real HTTP, golden files, and
//! the planner's laws.

mod bad_inputs;
mod budget_laws;
mod claim_laws;
mod cost_laws;
mod desired_file;
mod e2e;
mod fence;
mod fleets;
mod fuzz;
mod golden;
mod journal;
mod lease_laws;
mod limit_laws;
mod load;
mod metrics;
mod one_pass;
mod openapi;
mod pages;
mod planner_laws;
mod price_laws;
mod quarantine_laws;
mod sandbox_http;
mod sandbox_page;
mod sandbox_request;
mod sandbox_v2010;
mod saved_plan_laws;
mod tidy;
mod traffic_laws;
mod wings;
