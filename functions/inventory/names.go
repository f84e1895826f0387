package main

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/web"
)

// introduce says what strangers read and generate clients from: what the
// function is for, and schemas by names that mean something outside of it.
func introduce(api *web.API) {
	api.Describe("Stock by location, availability, and reservations: what an order locks, buys, gives back. Never oversold: the lock decides, availability only advises. "+
		"Every answer comes from the primary database. Errors are RFC 9457 problem documents that name every fault of the input at once.",
		&huma.Tag{Name: "availability", Description: "Whether a cart can be ordered now"},
		&huma.Tag{Name: "stock", Description: "How much there is, by SKU and location"},
		&huma.Tag{Name: "ledger", Description: "Every movement of stock, append-only"},
		&huma.Tag{Name: "locations", Description: "Where stock lies"},
		&huma.Tag{Name: "reservations", Description: "The lock of an order and its way from there"},
		&huma.Tag{Name: "import", Description: "Streams of rows in, one result line for each out"},
		&huma.Tag{Name: "operations", Description: "For those who run it"},
	)
	web.Name[wishBody](api, "AvailabilityWish")
	web.Name[availabilityDoc](api, "Availability")
	web.Name[stockDoc](api, "Stock")
	web.Name[policyDoc](api, "StockPolicy")
	web.Name[policyBody](api, "StockPolicyRequest")
	web.Name[adjustBody](api, "StockAdjustment")
	web.Name[transferBody](api, "StockTransfer")
	web.Name[movementDoc](api, "Movement")
	web.Name[differenceDoc](api, "AuditDifference")
	web.Name[auditDoc](api, "Audit")
	web.Name[locationBody](api, "LocationRequest")
	web.Name[locationDoc](api, "Location")
	web.Name[reservationDoc](api, "Reservation")
	web.Name[placeBody](api, "ReservationRequest")
	web.Name[orderLineBody](api, "OrderLine")
	web.Name[stepBody](api, "ReservationStep")
	web.Name[countRow](api, "StockRow")
	web.Name[resultLine](api, "ImportResult")
}
