//! From requests to rows: nothing lost, nothing twice, whatever comes at once.

use futures_util::future::join_all;

use crate::support::{
    Database, TestGateway, on_both,
    requests::{chat_message, sms},
};

on_both! {
    async fn sixty_four_messages_from_one_new_sender_at_once_are_one_conversation(database: Database) {
        let first = TestGateway::start(&database).await;
        // SQLite has one writer and so one instance.
        let second =
            if database.is_sqlite() { None } else { Some(TestGateway::start(&database).await) };
        let instances = [&first, second.as_ref().unwrap_or(&first)];
        let sent = (0..64).map(|n| {
            let message = sms("+15550100002", &format!("SM{n}"), &format!("message {n}"));
            instances[n % 2].send(message)
        });
        for reply in join_all(sent).await {
            assert_eq!((reply.status, reply.body.as_str()), (200, "<Response/>"));
        }
        assert_eq!(first.count("profiles").await, 1);
        assert_eq!(first.count("interactions").await, 1);
        assert_eq!(first.count("messages").await, 64);
        assert_eq!(first.count("work_items").await, 1);
        let distinct = first.count("(select distinct provider_message_id from messages) m").await;
        assert_eq!(distinct, 64);
        let decided = first.texts("select distinct decision from messages order by decision").await;
        assert_eq!(decided, ["continued", "opened"]);
        assert_eq!(first.count("outbox where type = 'message.received'").await, 64);
        assert_eq!(first.count("outbox where type = 'interaction.opened'").await, 1);
    }

    async fn the_same_request_fifty_times_and_after_a_restart_is_one_message(database: Database) {
        let request = || sms("+15550100002", "SM1", "once");
        let gateway = TestGateway::start(&database).await;
        for reply in join_all((0..50).map(|_| gateway.send(request()))).await {
            assert_eq!((reply.status, reply.body.as_str()), (200, "<Response/>"));
        }
        gateway.stop().await;
        let gateway = TestGateway::start(&database).await;
        gateway.accept(request()).await;
        assert_eq!(gateway.count("messages").await, 1);
        assert_eq!(gateway.count("interactions").await, 1);
        assert_eq!(gateway.count("requests where outcome = 'duplicate'").await, 50);
    }

    async fn chat_says_accepted_once_then_duplicate_and_conflict_for_other_content(
        database: Database
    ) {
        let gateway = TestGateway::start(&database).await;
        let first = gateway.send(chat_message("u-42", "m-1", "hello")).await;
        assert_eq!((first.status, &first.json()["status"]), (202, &"accepted".into()));
        for _ in 0..2 {
            let again = gateway.send(chat_message("u-42", "m-1", "hello")).await;
            assert_eq!((again.status, &again.json()["status"]), (200, &"duplicate".into()));
            assert_eq!(again.json()["id"], first.json()["id"]);
        }
        let other = gateway.send(chat_message("u-42", "m-1", "something else")).await;
        assert_eq!(other.status, 409);
        assert_eq!(gateway.texts("select text from messages").await, ["hello"]);
    }
}
