// One handler a path, as the program in JavaScript beside this one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fastly/compute-sdk-go/cache/simple"
	"github.com/fastly/compute-sdk-go/compute"
	"github.com/fastly/compute-sdk-go/configstore"
	"github.com/fastly/compute-sdk-go/fsthttp"
	"github.com/fastly/compute-sdk-go/kvstore"
	"github.com/fastly/compute-sdk-go/purge"
	"github.com/fastly/compute-sdk-go/rtlog"
	"github.com/fastly/compute-sdk-go/secretstore"
	"github.com/fastly/compute-sdk-go/x/exp/handoff"
)

type handler func(context.Context, fsthttp.ResponseWriter, *fsthttp.Request) error

var handlers = map[string]handler{
	"/hello":     hello,
	"/echo":      echo,
	"/stream":    stream,
	"/fan-out":   fanOut,
	"/pass":      pass,
	"/kv":        keyValue,
	"/config":    config,
	"/secret":    secret,
	"/cookies":   cookies,
	"/gzip":      gzip,
	"/cache":     cache,
	"/websocket": websocket,
	"/panic":     func(context.Context, fsthttp.ResponseWriter, *fsthttp.Request) error { panic("asked to panic") },
	"/log":       log,
	"/about":     about,
	"/kept":      kept,
	"/purge":     purgeKept,
	"/framed":    framed,
	"/used":      used,
}

func main() {
	fsthttp.ServeFunc(func(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
		handle, found := handlers[r.URL.Path]
		if !found {
			w.WriteHeader(fsthttp.StatusNotFound)
			fmt.Fprintln(w, "no such path")
			return
		}
		if err := handle(ctx, w, r); err != nil {
			fsthttp.Error(w, err.Error(), fsthttp.StatusBadGateway)
		}
	})
}

func hello(_ context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	name := r.URL.Query().Get("name")
	if name == "" {
		name = "world"
	}
	_, err := fmt.Fprintf(w, "Hello, %s!\n", name)
	return err
}

func echo(_ context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	w.Header().Set("x-method", r.Method)
	w.Header().Set("x-asked", r.Header.Get("x-ask"))
	_, err := io.Copy(w, r.Body)
	return err
}

func stream(_ context.Context, w fsthttp.ResponseWriter, _ *fsthttp.Request) error {
	for count := 0; count < 5; count++ {
		time.Sleep(time.Millisecond)
		if _, err := fmt.Fprintf(w, "chunk %d\n", count); err != nil {
			return err
		}
	}
	return nil
}

func ask(ctx context.Context, path string) (*fsthttp.Response, error) {
	req, err := fsthttp.NewRequest(fsthttp.MethodGet, "http://origin.test"+path, nil)
	if err != nil {
		return nil, err
	}
	req.CacheOptions.Pass = true
	return req.Send(ctx, "origin")
}

func fanOut(ctx context.Context, w fsthttp.ResponseWriter, _ *fsthttp.Request) error {
	texts := make([]string, 8)
	failures := make([]error, len(texts))
	var all sync.WaitGroup
	for at := range texts {
		all.Add(1)
		go func() {
			defer all.Done()
			reply, err := ask(ctx, fmt.Sprintf("/item/%d", at))
			if err != nil {
				failures[at] = err
				return
			}
			body, err := io.ReadAll(reply.Body)
			texts[at], failures[at] = string(body), err
		}()
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	_, err := io.WriteString(w, strings.Join(texts, ","))
	return err
}

func pass(ctx context.Context, w fsthttp.ResponseWriter, _ *fsthttp.Request) error {
	reply, err := ask(ctx, "/large")
	if err != nil {
		return err
	}
	w.Header().Reset(reply.Header)
	w.WriteHeader(reply.StatusCode)
	_, err = io.Copy(w, reply.Body)
	return err
}

func keyValue(_ context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	store, err := kvstore.Open("things")
	if err != nil {
		return err
	}
	key := r.URL.Query().Get("key")
	switch r.Method {
	case fsthttp.MethodPut:
		if err := store.Insert(key, r.Body); err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, "kept")
	case fsthttp.MethodDelete:
		if err := store.Delete(key); err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, "gone")
	default:
		entry, lookupErr := store.Lookup(key)
		if errors.Is(lookupErr, kvstore.ErrKeyNotFound) {
			w.WriteHeader(fsthttp.StatusNotFound)
			_, err = fmt.Fprintln(w, "none")
			return err
		}
		if lookupErr != nil {
			return lookupErr
		}
		_, err = io.Copy(w, entry)
	}
	return err
}

func config(_ context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	store, err := configstore.Open("settings")
	if err != nil {
		return err
	}
	return give(w, func() (string, error) { return store.Get(r.URL.Query().Get("key")) }, configstore.ErrKeyNotFound)
}

func secret(_ context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	read := func() (string, error) {
		plain, err := secretstore.Plaintext("secrets", r.URL.Query().Get("key"))
		return string(plain), err
	}
	return give(w, read, secretstore.ErrSecretNotFound)
}

func give(w fsthttp.ResponseWriter, read func() (string, error), none error) error {
	value, err := read()
	if errors.Is(err, none) {
		w.WriteHeader(fsthttp.StatusNotFound)
		value, err = "none", nil
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, value)
	return err
}

func cookies(_ context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	fsthttp.SetCookie(w.Header(), &fsthttp.Cookie{Name: "a", Value: "1", Path: "/"})
	fsthttp.SetCookie(w.Header(), &fsthttp.Cookie{Name: "b", Value: "2", HttpOnly: true})
	_, err := io.WriteString(w, r.Header.Get("cookie"))
	return err
}

func gzip(ctx context.Context, w fsthttp.ResponseWriter, _ *fsthttp.Request) error {
	req, err := fsthttp.NewRequest(fsthttp.MethodGet, "http://origin.test/gzip", nil)
	if err != nil {
		return err
	}
	req.DecompressResponseOptions.Gzip = true
	reply, err := req.Send(ctx, "origin")
	if err != nil {
		return err
	}
	coding := reply.Header.Get("content-encoding")
	if coding == "" {
		coding = "none"
	}
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s: %s", coding, body)
	return err
}

func cache(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	key := []byte(r.URL.Query().Get("key"))
	body, err := simple.GetOrSet(key, func() (simple.CacheEntry, error) {
		reply, err := ask(ctx, "/count")
		if err != nil {
			return simple.CacheEntry{}, err
		}
		return simple.CacheEntry{Body: reply.Body, TTL: time.Minute}, nil
	})
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}

func websocket(context.Context, fsthttp.ResponseWriter, *fsthttp.Request) error {
	return handoff.Websocket("origin")
}

func log(_ context.Context, w fsthttp.ResponseWriter, _ *fsthttp.Request) error {
	if _, err := fmt.Fprint(rtlog.Open("things"), "told to the endpoint"); err != nil {
		return err
	}
	fmt.Println("told to the console")
	_, err := fmt.Fprintln(w, "told")
	return err
}

func kept(ctx context.Context, w fsthttp.ResponseWriter, _ *fsthttp.Request) error {
	if _, err := ask(ctx, "/arrive"); err != nil {
		return err
	}
	req, err := fsthttp.NewRequest(fsthttp.MethodGet, "http://origin.test/kept", nil)
	if err != nil {
		return err
	}
	reply, err := req.Send(ctx, "origin")
	if err != nil {
		return err
	}
	w.Header().Reset(reply.Header)
	w.WriteHeader(reply.StatusCode)
	_, err = io.Copy(w, reply.Body)
	return err
}

func purgeKept(_ context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	options := purge.PurgeOptions{Soft: r.URL.Query().Has("soft")}
	if err := purge.PurgeSurrogateKey("kept", options); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "purged")
	return err
}

func framed(_ context.Context, w fsthttp.ResponseWriter, _ *fsthttp.Request) error {
	w.SetManualFramingMode(true)
	w.Header().Set("content-length", "6")
	_, err := io.WriteString(w, "framed")
	return err
}

func used(_ context.Context, w fsthttp.ResponseWriter, _ *fsthttp.Request) error {
	spent, err := compute.GetVCPUTime()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `{"cpuMs":%d}`, spent.Milliseconds())
	return err
}

func about(_ context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	_, err := fmt.Fprintf(w, `{"address":%q,"hostname":%q,"protocol":%q,"cipher":%q,"ja3":"%x"}`,
		r.RemoteAddr, os.Getenv("FASTLY_HOSTNAME"), r.TLSInfo.Protocol, r.TLSInfo.CipherOpenSSLName, r.TLSInfo.JA3MD5)
	return err
}
