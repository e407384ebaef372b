//! From requests to rows: nothing lost, nothing twice, whatever comes at once.

use futures_util::{
    StreamExt,
    future::{join_all, join3},
    stream::FuturesUnordered,
};

use serde_json::json;

use crate::support::{
    Database, TestGateway, on_both, on_server, poison,
    requests::{self, chat_message, sms},
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
        assert_eq!(first.count("messages where decision = 'opened'").await, 1);
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

    async fn what_has_neither_id_nor_time_is_a_repeat_for_a_moment_only(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let said = || {
            requests::json("kakaotalk-demo", &json!({
                "bot": {"id": "5f1a000000000000000000b0"},
                "userRequest": {"utterance": "yes", "user": {"id": "4ad1"}},
            }))
        };
        gateway.accept(said()).await;
        gateway.accept(said()).await;
        assert_eq!(gateway.count("messages").await, 1);
        gateway.pass(5);
        gateway.accept(said()).await;
        assert_eq!(gateway.count("messages").await, 2);
        assert_eq!(gateway.count("requests where outcome = 'duplicate'").await, 1);
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

    async fn a_poisonous_request_among_256_is_refused_alone_and_archived(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.execute(poison(&database)).await;
        let held = TestGateway::hold(&database).await;
        // One sender goes one way: the first is held with its committer, the others gather behind.
        let first = gateway.send(sms("+15550100002", "SM-first", "first"));
        let others = async {
            gateway.stuck().await;
            join_all((0..256).map(|n| {
                let text = if n == 100 { "poison" } else { "wholesome" };
                gateway.send(sms("+15550100002", &format!("SM{n}"), text))
            }))
            .await
        };
        let release = async {
            gateway.backlog_of(256).await;
            held.rollback().await.expect("a rollback");
        };
        let (first, replies, ()) = join3(first, others, release).await;
        assert_eq!(first.status, 200);
        let (recorded, refused): (Vec<_>, Vec<_>) =
            replies.into_iter().partition(|reply| reply.status == 200);
        assert_eq!((recorded.len(), refused.len()), (255, 1));
        assert_eq!(refused[0].status, 503);
        assert!(refused[0].retry_after.is_some());
        assert_eq!(gateway.count("messages").await, 256);
        assert_eq!(gateway.count("interactions").await, 1);
        let reasons = gateway.texts("select reason from requests where outcome = 'failed'").await;
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].starts_with("refused by the database (code "), "{reasons:?}");

        gateway.execute(antidote(&database)).await;
        gateway.accept(sms("+15550100002", "SM100", "poison")).await;
        assert_eq!(gateway.count("messages where provider_message_id = 'SM100'").await, 1);
    }

    async fn what_does_not_fit_the_queue_is_refused_for_now_and_nothing_is_lost(
        database: Database
    ) {
        const SENT: usize = 8;
        let gateway = TestGateway::with(&database, |config| config.ingest.queue = 1).await;
        let held = TestGateway::hold(&database).await;
        let message = |n: usize| sms("+15550100002", &format!("SM{n}"), "hello");
        let mut sent: FuturesUnordered<_> =
            (0..SENT).map(|n| gateway.send(message(n))).collect();
        // One with the committer and one waiting; only then may the others be judged.
        for _ in 0..SENT - 2 {
            let reply = sent.next().await.expect("an answer");
            assert_eq!((reply.status, reply.retry_after.as_deref()), (503, Some("2")));
        }
        held.rollback().await.expect("a rollback");
        let waited: Vec<_> = sent.collect().await;
        assert!(waited.iter().any(|reply| reply.is_success()), "{waited:?}");
        let recorded = waited.iter().filter(|reply| reply.is_success()).count();
        assert_eq!(gateway.count("messages").await, recorded as i64);
        // Providers send again what was not taken.
        for n in 0..SENT {
            gateway.accept(message(n)).await;
        }
        assert_eq!(gateway.count("messages").await, SENT as i64);
    }

    async fn a_database_that_is_gone_costs_503_and_nothing_else(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.accept(sms("+15550100002", "SM1", "before")).await;
        assert_eq!(gateway.get("/readyz").await.status, 200);
        take_away(&database, &gateway).await;
        let reply = gateway.send(sms("+15550100002", "SM2", "meanwhile")).await;
        assert_eq!((reply.status, reply.retry_after.as_deref()), (503, Some("2")), "{reply:?}");
        assert_eq!(gateway.get("/livez").await.status, 200);
        let ready = gateway.get("/readyz").await;
        // A file that answers is all SQLite can be asked for.
        assert_eq!(ready.status, if database.is_sqlite() { 200 } else { 503 }, "{ready:?}");
        give_back(&database, &gateway).await;
        assert_eq!(gateway.get("/readyz").await.status, 200);
        gateway.accept(sms("+15550100002", "SM2", "meanwhile")).await;
        let texts = gateway.texts("select text from messages order by id").await;
        assert_eq!(texts, ["before", "meanwhile"]);
        assert_eq!(gateway.count("interactions").await, 1);
    }
}

fn antidote(database: &Database) -> &'static str {
    if database.is_sqlite() { "drop trigger poison" } else { "drop trigger poison on messages" }
}

/// Makes the database fail: PostgreSQL by closing every connection and taking no new one.
async fn take_away(database: &Database, gateway: &TestGateway) {
    let Some(name) = database.name() else {
        return gateway.execute("alter table messages rename to messages_elsewhere").await;
    };
    on_server(&format!("alter database {name} allow_connections false")).await;
    on_server(&format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
    ))
    .await;
}

async fn give_back(database: &Database, gateway: &TestGateway) {
    let Some(name) = database.name() else {
        return gateway.execute("alter table messages_elsewhere rename to messages").await;
    };
    on_server(&format!("alter database {name} allow_connections true")).await;
}
