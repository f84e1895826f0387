package main

import (
	"context"
	"net/http"
	"time"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

type locationBody struct {
	Name     string `json:"name" minLength:"1" maxLength:"200" example:"Main warehouse"`
	Priority int32  `json:"priority" minimum:"0" maximum:"1000000" doc:"Locks take from the lowest first"`
}

type locationDoc struct {
	Code      string    `json:"code"`
	Name      string    `json:"name"`
	Priority  int32     `json:"priority"`
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

type locationList struct {
	Items      []locationDoc `json:"items"`
	NextCursor *string       `json:"next_cursor" doc:"Always null: there are few locations"`
}

type locationListOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         locationList
}

type locationInput struct {
	Code        string `path:"code" maxLength:"64" doc:"Code of the location" example:"main"`
	IfNoneMatch string `header:"If-None-Match"`
}

type putLocationInput struct {
	Code        string `path:"code" maxLength:"64" pattern:"^[A-Za-z0-9._~-]{1,64}$" doc:"Code of the location" example:"main"`
	IfMatch     string `header:"If-Match" doc:"ETag of the location to change"`
	IfNoneMatch string `header:"If-None-Match" doc:"* creates"`
	Body        locationBody
}

type locationOutput struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         locationDoc
}

func listLocations(db postgres.DB) func(context.Context, *struct{}) (*locationListOutput, error) {
	return func(ctx context.Context, _ *struct{}) (*locationListOutput, error) {
		found, err := stock.Locations(ctx, db)
		if err != nil {
			return nil, err
		}
		out := &locationListOutput{CacheControl: private, Body: locationList{Items: make([]locationDoc, len(found))}}
		for i, l := range found {
			out.Body.Items[i] = locationDoc(l)
		}
		return out, nil
	}
}

func getLocation(db postgres.DB) func(context.Context, *locationInput) (*locationOutput, error) {
	return func(ctx context.Context, in *locationInput) (*locationOutput, error) {
		l, err := stock.LocationOf(ctx, db, in.Code)
		if err != nil {
			return nil, err
		}
		out := locationOutputOf(l, http.StatusOK)
		if web.NotModified(in.IfNoneMatch, out.ETag) && in.IfNoneMatch != "" {
			out.Status = http.StatusNotModified
		}
		return out, nil
	}
}

func putLocation(db postgres.DB) func(context.Context, *putLocationInput) (*locationOutput, error) {
	return func(ctx context.Context, in *putLocationInput) (*locationOutput, error) {
		wanted := stock.Location{Code: in.Code, Name: in.Body.Name, Priority: in.Body.Priority}
		expect := web.Expect(in.IfMatch, in.IfNoneMatch)
		present, err := stock.LocationOf(ctx, db, in.Code)
		if fault.Is(err, fault.NotFound) {
			if err := expect.Create(); err != nil {
				return nil, err
			}
			made, err := stock.CreateLocation(ctx, db, wanted)
			return locationOutputOf(made, http.StatusCreated), err
		}
		if err != nil {
			return nil, err
		}
		if err := expect.Change(present.Version); err != nil {
			return nil, err
		}
		wanted.Version = present.Version
		replaced, err := stock.ReplaceLocation(ctx, db, wanted)
		return locationOutputOf(replaced, http.StatusOK), err
	}
}

func locationOutputOf(l stock.Location, status int) *locationOutput {
	doc := locationDoc(l)
	return &locationOutput{Status: status, ETag: web.ETag(l.Version, doc), CacheControl: private, Body: doc}
}
