//! Who is behind an address: the matching table end to end, numbers with two spellings, claims.

use frontdesk::profiles::people::PersonKind;
use serde_json::json;

use crate::support::{
    Database, TestGateway, on_both,
    requests::{chat, sms},
};

/// What is known before the message that is judged.
#[derive(Clone, Copy)]
enum Known {
    Nothing,
    Guest,
    Ana,
    /// Ana has left the company since.
    InactiveAna,
    /// The profile has been given up, as when its number was handed to somebody else.
    InactiveProfile,
}

on_both! {
    async fn the_matching_table_row_by_row(database: Database) {
        use Known::{Ana, Guest, InactiveAna, InactiveProfile, Nothing};
        // Row, what is known, who has the number now; outcome, opened for, candidates.
        type Row<'a> = (u8, Known, &'a [&'a str], &'a str, &'a str, usize);
        let rows: [Row<'_>; 13] = [
            (1, Nothing, &["Ben"], "new_linked", "Ben", 0),
            (2, Nothing, &[], "new_guest", "guest", 0),
            (3, Nothing, &["Ben", "Eve"], "new_ambiguous", "guest", 2),
            (4, Ana, &[], "known_unlisted", "Ana", 0),
            (5, Ana, &["Ana"], "known_confirmed", "Ana", 0),
            (5, Ana, &["Ana", "Ben"], "known_confirmed", "Ana", 0),
            (6, Ana, &["Ben"], "conflict", "Ana", 1),
            (7, Guest, &[], "known_guest", "guest", 0),
            (8, Guest, &["Ben"], "guest_linked", "Ben", 0),
            (9, Guest, &["Ben", "Eve"], "guest_ambiguous", "guest", 2),
            (10, InactiveProfile, &[], "new_guest", "guest", 0),
            (10, InactiveProfile, &["Ben"], "new_linked", "Ben", 0),
            (11, InactiveAna, &["Ben"], "person_inactive", "guest", 1),
        ];
        let gateway = TestGateway::start(&database).await;
        for (index, (row, known, directory, outcome, opened_for, candidates)) in
            rows.into_iter().enumerate()
        {
            let phone = format!("+121255501{index:02}");
            let profile = format!("(select id from profiles where value = '{phone}' and active)");
            prepare(&gateway, known, &phone, index).await;
            for name in directory.iter().filter(|name| **name != "Ana") {
                gateway.add_person(PersonKind::Contact, name, &[&phone]).await;
            }
            if !directory.contains(&"Ana") {
                let ana = "select id from people where name = 'Ana'";
                gateway.execute(&format!("delete from person_phones where phone = '{phone}' \
                    and person_id in ({ana})")).await;
            }

            gateway.accept(sms(&phone, &format!("SM-{index}-judged"), "hello")).await;

            let judged = format!(
                "select i.match_outcome || ' for ' || coalesce(h.name, i.opened_for_kind) || ' ' \
                 || cast(i.verified as text) || ' of ' || cast(i.candidates as text) \
                 from interactions i left join people h on h.id = i.opened_for \
                 where i.active and i.profile_id = {profile}"
            );
            let judged = gateway.texts(&judged).await;
            assert_eq!(judged.len(), 1, "row {row}");
            let (judged, of) = judged[0].split_once(" of ").expect("candidates");
            // A matching number is no proof of who it is.
            let unverified = if database.is_sqlite() { "0" } else { "false" };
            assert_eq!(judged, format!("{outcome} for {opened_for} {unverified}"), "row {row}");
            assert_eq!(of.matches("\"id\"").count(), candidates, "row {row}: {of}");
            let active = gateway.count(&format!("profiles where value = '{phone}' and active")).await;
            assert_eq!(active, 1, "row {row}");
        }
    }

    async fn a_guest_who_turns_out_to_be_somebody_is_linked_with_the_open_interaction(
        database: Database
    ) {
        let gateway = TestGateway::start(&database).await;
        gateway.accept(sms("+12125550123", "SM1", "hello")).await;
        let carl = gateway.add_person(PersonKind::Consumer, "Carl", &["+12125550123"]).await;
        gateway.accept(sms("+12125550123", "SM2", "it is me")).await;
        let linked = "select h.name || ' as ' || i.opened_for_kind || ', ' || i.match_outcome \
            from interactions i join people h on h.id = i.opened_for and h.id = i.consumer";
        assert_eq!(gateway.texts(linked).await, ["Carl as consumer, guest_linked"]);
        let profiles: Vec<(Option<uuid::Uuid>,)> =
            gateway.rows("select person_id from profiles").await;
        assert_eq!(profiles, [(Some(carl),)]);
    }

    async fn the_other_spelling_of_a_number_finds_the_person_and_rewrites_nothing(
        database: Database
    ) {
        let gateway = TestGateway::start(&database).await;
        let spellings = [
            ("Brazil", "+5511961234567", "+551161234567"),
            ("Mexico", "+525512345678", "+5215512345678"),
            ("Argentina", "+5491123456789", "+541123456789"),
        ];
        for (n, (country, listed, written)) in spellings.into_iter().enumerate() {
            let both = gateway.add_person(PersonKind::User, country, &[listed]).await;
            for (spelling, from) in [listed, written].into_iter().enumerate() {
                gateway.accept(sms(from, &format!("SM{n}{spelling}"), "hello")).await;
            }
            let profiles: Vec<(String, String, Option<uuid::Uuid>)> = gateway.rows(&format!(
                "select value, match_outcome, person_id from profiles \
                 where value in ('{listed}', '{written}') order by id"
            )).await;
            // Two profiles, never merged, of one person.
            let linked = |value: &str| (value.to_owned(), "new_linked".to_owned(), Some(both));
            assert_eq!(profiles, [linked(listed), linked(written)], "{country}");
            let stored = gateway.texts(&format!(
                "select n.phone from person_phones n join people h on h.id = n.person_id \
                 where h.name = '{country}'"
            )).await;
            assert_eq!(stored, [listed], "{country}");
        }
    }

    async fn a_number_typed_into_a_form_finds_nobody_until_it_is_proven(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.add_person(PersonKind::User, "Ana", &["+12125550123"]).await;
        let visitor = |id: &str, verified: bool| {
            let sender = json!({
                "id": id, "kind": "visitor", "phone": "+1 212 555 0123", "verified": verified,
            });
            chat("message.created", json!({"id": format!("m-{id}"), "sender": sender, "text": "hi"}))
        };
        gateway.accept(visitor("claims", false)).await;
        gateway.accept(visitor("proven", true)).await;
        let sql = "select value || ': ' || match_outcome from profiles order by id";
        assert_eq!(gateway.texts(sql).await, ["claims: new_guest", "proven: new_linked"]);
    }

    async fn a_proven_email_finds_its_person_and_several_people_find_nobody(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let add = async |name: &str, phones: &[&str], email: &str| {
            let id = gateway.add_person(PersonKind::Contact, name, phones).await;
            gateway.execute(&format!("update people set email = '{email}' where name = '{name}'")).await;
            id
        };
        let ana = add("Ana", &["+12125550123"], "ana@shop.example").await;
        let ben = add("Ben", &[], "Ben@Shop.Example").await;
        add("Eve", &[], "both@shop.example").await;
        add("Ida", &[], "both@shop.example").await;
        let visitor = async |id: &str, verified: bool, phone: Option<&str>, email: &str| {
            let sender = json!({"id": id, "phone": phone, "email": email, "verified": verified});
            let data = json!({"id": format!("m-{id}"), "sender": sender, "text": "hi"});
            gateway.accept(chat("message.created", data)).await;
        };
        visitor("claims", false, None, "ana@shop.example").await;
        visitor("ana", true, None, "ANA@shop.example").await;
        visitor("ben", true, None, "ben@shop.example").await;
        visitor("same", true, Some("+12125550123"), "ana@shop.example").await;
        visitor("either", true, Some("+12125550123"), "ben@shop.example").await;
        visitor("several", true, None, "both@shop.example").await;
        visitor("nobody", true, None, "nobody@shop.example").await;
        let profiles: Vec<(String, String, Option<uuid::Uuid>)> =
            gateway.rows("select value, match_outcome, person_id from profiles order by id").await;
        let is = |value: &str, outcome: &str, person| (value.to_owned(), outcome.to_owned(), person);
        assert_eq!(profiles, [
            is("claims", "new_guest", None),
            is("ana", "new_linked", Some(ana)),
            is("ben", "new_linked", Some(ben)),
            is("same", "new_linked", Some(ana)),
            is("either", "new_ambiguous", None),
            is("several", "new_ambiguous", None),
            is("nobody", "new_guest", None),
        ]);
        let either = "select cast(candidates as text) from interactions i \
            where exists (select 1 from profiles p where p.id = i.profile_id and p.value = 'either')";
        let either = gateway.texts(either).await.remove(0);
        let place = |id: uuid::Uuid| either.find(&id.to_string());
        assert!(place(ana).is_some() && place(ana) < place(ben), "{either}");
    }

    async fn senders_that_are_no_numbers_are_guests_with_a_profile(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.accept(sms("68849", "SM1", "from a short code")).await;
        gateway.accept(sms("ACME", "SM2", "from a sender name")).await;
        let sql = "select address_kind || ' ' || value from profiles where answerable order by id";
        assert_eq!(gateway.texts(sql).await, ["short_code 68849"]);
        let sql = "select address_kind || ' ' || value from profiles where not answerable";
        assert_eq!(gateway.texts(sql).await, ["alphanumeric ACME"]);
        assert_eq!(gateway.count("interactions").await, 2);
    }
}

async fn prepare(gateway: &TestGateway, known: Known, phone: &str, index: usize) {
    let first = || sms(phone, &format!("SM-{index}-before"), "hello");
    match known {
        Known::Nothing => return,
        Known::Guest | Known::InactiveProfile => drop(gateway.accept(first()).await),
        Known::Ana | Known::InactiveAna => {
            // Earlier rows' Anas have other numbers.
            gateway.add_person(PersonKind::User, "Ana", &[phone]).await;
            gateway.accept(first()).await;
        }
    }
    // What was open is over, so that the next message opens anew.
    gateway.execute("update interactions set active = false, state = 'closed_complete'").await;
    let of_phone = format!("where value = '{phone}'");
    match known {
        Known::InactiveProfile => {
            gateway.execute(&format!("update profiles set active = false {of_phone}")).await;
        }
        Known::InactiveAna => {
            let ana = format!("select person_id from profiles {of_phone}");
            gateway.execute(&format!("update people set active = false where id in ({ana})")).await;
        }
        Known::Nothing | Known::Guest | Known::Ana => {}
    }
}
