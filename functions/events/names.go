package main

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/functions/events/internal/deadletter"
	"github.com/mallhive/product-service/functions/events/internal/interaction"
	"github.com/mallhive/product-service/shared/web"
)

// introduce says what strangers read and generate clients from: what the
// function is for, and schemas by names that mean something outside of it.
func introduce(api *web.API) {
	api.Describe("What visitors do, on its way to analytics, and the contract of all events. "+
		"Errors are RFC 9457 problem documents that name every fault of the input at once.",
		&huma.Tag{Name: "interactions", Description: "Views, clicks and saves of products"},
		&huma.Tag{Name: "event types", Description: "The contract: every type with its JSON Schema"},
		&huma.Tag{Name: "dead letters", Description: "Events that could not be delivered"},
		&huma.Tag{Name: "resyncs", Description: "Products sent again to a consumer that lost some"},
		&huma.Tag{Name: "operations", Description: "For those who run it"},
	)
	web.Name[interactionsBody](api, "Interactions")
	web.Name[interaction.Taken](api, "TakenInteractions")
	web.Name[letterList](api, "DeadLetterList")
	web.Name[replayLettersBody](api, "DeadLetterReplay")
	web.Name[deadletter.Progress](api, "DeadLetterReplayProgress")
	web.Name[deadletter.Failure](api, "DeadLetterReplayFailure")
	web.Name[deletedLetters](api, "DeletedDeadLetters")
	web.Name[startResyncBody](api, "ResyncRequest")
	web.Name[resyncList](api, "ResyncList")
	web.Name[typeList](api, "EventTypeList")
	web.Name[typeDocument](api, "EventType")
}
