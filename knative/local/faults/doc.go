// Package faults holds tests that break the service while it works: programs
// are killed, the network to PostgreSQL stalls, the broker hangs, callers hang
// up, the disk is full. Each runs the real binaries with the shipped manifests
// on a PostgreSQL of its own and then proves that nothing was lost, nothing was
// done by half and nothing leaked.
//
// make faults runs them all; FAULTS says how often. Without FAULTS they are
// passed over, since each takes seconds in which the machine must not be idle.
package faults
