// The way that Ayame relays: a goroutine that reads each connection, one that does all else for it, and one for all rooms, with channels
// between them; encoding/json finds each message's type. With -log each message has a line in a log, as it has in Ayame unless that is
// told otherwise; it goes to /dev/null, so that no disk fills up. What Ayame does besides (metrics, webhooks, keys) is not here, so this costs
// less than Ayame.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

const (
	pingInterval = 5 * time.Second
	pongTimeout  = 60 * time.Second
	readTimeout  = 90 * time.Second
	// As many messages wait in a channel that is not to hold anybody up.
	waiting = 100
)

type client struct {
	socket   *websocket.Conn
	room, id string
	// What others say; closed when the room ends.
	told chan []byte
}

type newcomer struct {
	client *client
	// Hears how many are there with it; 0 if there is no seat.
	count chan int
}

type message struct {
	from *client
	text []byte
}

var (
	newcomers = make(chan newcomer)
	leavers   = make(chan *client)
	messages  = make(chan message, waiting)

	errMessage = errors.New("not a message, or not now")
	upgrader   = websocket.Upgrader{ReadBufferSize: 4096, WriteBufferSize: 4096}

	// nil without -log.
	logger *slog.Logger
)

func main() {
	logs := flag.Bool("log", false, "log each message")
	flag.Parse()
	if *logs {
		file, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
		if err != nil {
			log.Fatal(err)
		}
		logger = slog.New(slog.NewJSONHandler(file, nil))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go keepRooms()
	http.HandleFunc("/signaling", serve)
	fmt.Printf("listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

// keepRooms is the only one who knows the rooms, so they need no lock.
func keepRooms() {
	rooms := make(map[string]map[string]*client)
	for {
		select {
		case newcomer := <-newcomers:
			room := rooms[newcomer.client.room]
			if room == nil {
				room = make(map[string]*client)
				rooms[newcomer.client.room] = room
			}
			if len(room) == 2 || room[newcomer.client.id] != nil {
				newcomer.count <- 0
				continue
			}
			room[newcomer.client.id] = newcomer.client
			newcomer.count <- len(room)
		case leaver := <-leavers:
			if room := rooms[leaver.room]; room[leaver.id] == leaver {
				for _, client := range room {
					close(client.told)
				}
				delete(rooms, leaver.room)
			}
		case message := <-messages:
			for id, client := range rooms[message.from.room] {
				if id != message.from.id {
					client.told <- message.text
				}
			}
		}
	}
}

func serve(writer http.ResponseWriter, request *http.Request) {
	socket, err := upgrader.Upgrade(writer, request, nil)
	if err != nil {
		return
	}
	defer socket.Close()
	said := make(chan []byte, waiting)
	done := make(chan struct{})
	client := &client{socket: socket, told: make(chan []byte, waiting)}
	go client.live(said, done)
	for {
		if err := socket.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
			break
		}
		_, text, err := socket.ReadMessage()
		if err != nil {
			break
		}
		said <- text
	}
	close(said)
	<-done
}

// live does all that is due for a client until one of both ends it.
func (client *client) live(said <-chan []byte, done chan<- struct{}) {
	ping, patience := time.NewTimer(pingInterval), time.NewTimer(pongTimeout)
	defer func() {
		ping.Stop()
		patience.Stop()
		client.socket.Close()
		if client.room != "" {
			leavers <- client
		}
		// The reader may wait for its turn.
		for range said {
		}
		close(done)
	}()
	for {
		var err error
		select {
		case <-ping.C:
			err = client.socket.WriteJSON(map[string]string{"type": "ping"})
			ping.Reset(pingInterval)
		case <-patience.C:
			return
		case text, isOpen := <-said:
			if !isOpen {
				return
			}
			err = client.handle(text, patience)
		case text, isOpen := <-client.told:
			if !isOpen {
				client.room = ""
				_ = client.socket.WriteJSON(map[string]string{"type": "bye"})
				return
			}
			err = client.socket.WriteMessage(websocket.TextMessage, text)
		}
		if err != nil {
			return
		}
	}
}

func (client *client) handle(text []byte, patience *time.Timer) error {
	var typed struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(text, &typed); err != nil {
		return err
	}
	if logger != nil && typed.Type != "pong" {
		logger.Info(string(text), "roomId", client.room, "clientId", client.id, "type", typed.Type)
	}
	switch typed.Type {
	case "pong":
		patience.Reset(pongTimeout)
	case "register":
		return client.register(text)
	case "offer", "answer", "candidate":
		if client.room == "" {
			return errMessage
		}
		messages <- message{client, text}
	default:
		return errMessage
	}
	return nil
}

func (client *client) register(text []byte) error {
	var register struct {
		RoomID   string `json:"roomId"`
		ClientID string `json:"clientId"`
	}
	if err := json.Unmarshal(text, &register); err != nil {
		return err
	}
	if client.room != "" || register.RoomID == "" || register.ClientID == "" {
		return errMessage
	}
	client.room, client.id = register.RoomID, register.ClientID
	count := make(chan int)
	newcomers <- newcomer{client, count}
	seats := <-count
	if seats == 0 {
		client.room = ""
		_ = client.socket.WriteJSON(map[string]string{"type": "reject", "reason": "full"})
		return errMessage
	}
	isExist := seats == 2
	return client.socket.WriteJSON(map[string]any{
		"type": "accept", "isExistClient": isExist, "isExistUser": isExist, "iceServers": []string{},
	})
}
