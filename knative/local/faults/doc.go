// Package faults holds tests that break the service while it works: programs
// are killed, before they commit and before they answer, the network to
// PostgreSQL stalls, PostgreSQL is killed, the broker hangs or brings everything
// several times, callers hang up, the disk is full. Each runs the real binaries
// with the shipped manifests on a PostgreSQL of its own and then proves that
// nothing was lost, nothing was done by half and nothing leaked, that no reply
// contradicts another, and that what concurrent callers were told is
// linearizable.
//
// make faults runs them all, FAULTS says how often, and ends with a report of
// what was broken and what was compared. Without FAULTS they are passed over,
// since each takes seconds in which the machine must not be idle.
package faults
