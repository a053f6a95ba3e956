use crate::harness::TestStore;
use lightbox_domain::{OrderContent, OrderState};
use lightbox_store::{NewOrder, OrderFilter, Saved, StoreError};

fn order(source: &str, number: &str, accession: &str) -> NewOrder {
    let mut content = OrderContent::default();
    for (field, value) in [("accession_number", accession), ("patient_id", "P1"), ("patient_name", "Doe^Jane_")] {
        content.set(field, value).unwrap();
    }
    NewOrder { source: source.to_owned(), number: number.to_owned(), content }
}

async fn save(store: &TestStore, new: NewOrder) -> (String, Saved) {
    let mut write = store.write().await.unwrap();
    let (order, saved) = write.save_order(new, "ris").await.unwrap();
    write.commit().await.unwrap();
    (order.id, saved)
}

async fn found(store: &TestStore, search: &str, state: Option<OrderState>) -> usize {
    let filter = OrderFilter { search: Some(search.to_owned()), state, limit: 10, offset: 0 };
    store.orders(&filter).await.unwrap().len()
}

#[tokio::test]
async fn an_order_is_kept_under_the_number_of_its_system() {
    let store = TestStore::open().await;
    let (first, saved) = save(&store, order("RIS", "1", "A1")).await;
    assert_eq!(saved, Saved::Placed);
    assert_eq!(save(&store, order("RIS", "1", "A1")).await, (first.clone(), Saved::Unchanged));
    assert_eq!(save(&store, order("RIS", "1", "A2")).await, (first.clone(), Saved::Changed));
    assert_ne!(save(&store, order("OTHER", "1", "A3")).await.0, first);
    assert_eq!(store.order(&first).await.unwrap().content.get("accession_number"), "A2");
    assert_eq!(store.order_by_number("RIS", "1").await.unwrap().id, first);

    let mut write = store.write().await.unwrap();
    write.cancel_order(&first, "ris").await.unwrap();
    let again = write.cancel_order(&first, "ris").await;
    assert!(matches!(again, Err(StoreError::Missing { kind: "order", .. })));
    write.commit().await.unwrap();
    assert_eq!(store.order(&first).await.unwrap().state, OrderState::Canceled);
    assert_eq!(save(&store, order("RIS", "1", "A2")).await.1, Saved::Changed, "it holds again");

    let history = store.events_of_order(&first, 10).await.unwrap();
    let actions: Vec<_> = history.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(actions, ["order.placed", "order.changed", "order.canceled", "order.changed"]);
    assert!(history[1].detail.contains("accession_number") && !history[1].detail.contains("A2"));
}

#[tokio::test]
async fn orders_are_searched_by_what_people_know_of_them() {
    let store = TestStore::open().await;
    save(&store, order("RIS", "N-77", "A1")).await;
    for search in ["n-77", "a1", "doe", "P1", ""] {
        assert_eq!(found(&store, search, None).await, 1, "{search}");
    }
    for search in ["n_77", "%", "A2"] {
        assert_eq!(found(&store, search, None).await, 0, "{search}");
    }
    assert_eq!(found(&store, "_", None).await, 1, "the name has one");
    assert_eq!(found(&store, "", Some(OrderState::Canceled)).await, 0);
}
