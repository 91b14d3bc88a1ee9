//! Second factors of signing in, and of whom one is required.

use std::sync::Arc;

use hourkey_domain::ids::UserId;

use super::sample::{at, sample};
use super::{refuse, write};
use crate::second_factor::{SecondFactor, TwoStepFor};
use crate::{Store, StoreError};

fn factor(user: UserId, last_step: i64) -> SecondFactor {
    SecondFactor {
        user,
        secret: vec![0, 255, 1],
        since: at(last_step),
        last_step,
    }
}

/// A second factor comes back as it was kept; another one takes its place, and its recovery codes go
/// with it.
pub async fn a_second_factor_is_kept_replaced_and_removed(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (member, reviewer) = (sample.member, sample.reviewer);
    write!(store, |tx| {
        tx.put_second_factor(factor(reviewer, 1)).await?;
        tx.put_second_factor(factor(member, 2)).await?;
        tx.set_recovery_codes(member, vec![[1; 32], [2; 32]])
            .await?;
        tx.set_last_step(member, 7).await
    });
    let mut read = store.read().await.unwrap();
    let expected = SecondFactor {
        last_step: 7,
        ..factor(member, 2)
    };
    assert_eq!(read.second_factor(member).await.unwrap(), Some(expected));
    assert_eq!(read.with_second_factor().await.unwrap(), [member, reviewer]);
    assert_eq!(read.recovery_codes(member).await.unwrap(), 2);
    assert_eq!(read.recovery_codes(reviewer).await.unwrap(), 0);
    drop(read);

    write!(store, |tx| {
        tx.put_second_factor(factor(member, 3)).await?;
        assert!(tx.remove_second_factor(reviewer).await?);
        assert!(!tx.remove_second_factor(reviewer).await?);
        Ok(())
    });
    let mut read = store.read().await.unwrap();
    assert_eq!(
        read.second_factor(member).await.unwrap(),
        Some(factor(member, 3))
    );
    assert_eq!(read.recovery_codes(member).await.unwrap(), 0);
    assert_eq!(read.with_second_factor().await.unwrap(), [member]);
    drop(read);

    let refused = refuse!(store, |tx| tx.set_last_step(reviewer, 1).await);
    assert!(matches!(refused, StoreError::Refused(_)), "{refused:?}");
    let unknown = refuse!(store, |tx| tx
        .put_second_factor(factor(UserId(99), 1))
        .await);
    assert!(matches!(unknown, StoreError::Refused(_)), "{unknown:?}");
}

/// A recovery code is there for its person, once; new ones take the place of those before.
pub async fn a_recovery_code_is_taken_once(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (member, reviewer) = (sample.member, sample.reviewer);
    write!(store, |tx| {
        for user in [member, reviewer] {
            tx.put_second_factor(factor(user, 1)).await?;
        }
        tx.set_recovery_codes(member, vec![[1; 32], [2; 32], [3; 32]])
            .await?;
        assert!(!tx.take_recovery_code(reviewer, [1; 32]).await?);
        assert!(tx.take_recovery_code(member, [1; 32]).await?);
        assert!(!tx.take_recovery_code(member, [1; 32]).await?);
        assert!(!tx.take_recovery_code(member, [9; 32]).await?);
        Ok(())
    });
    assert_eq!(
        store
            .read()
            .await
            .unwrap()
            .recovery_codes(member)
            .await
            .unwrap(),
        2
    );
    write!(store, |tx| {
        tx.set_recovery_codes(member, vec![[4; 32]]).await?;
        assert!(!tx.take_recovery_code(member, [2; 32]).await?);
        assert!(tx.take_recovery_code(member, [4; 32]).await?);
        Ok(())
    });
}

/// The organisation's rule is one row.
pub async fn nobody_must_have_one_until_it_is_said(store: Arc<dyn Store>) {
    let found = store.read().await.unwrap().two_step_for().await.unwrap();
    assert_eq!(found, TwoStepFor::None);
    write!(store, |tx| tx.set_two_step_for(TwoStepFor::Roles).await);
    let found = store.read().await.unwrap().two_step_for().await.unwrap();
    assert_eq!(found, TwoStepFor::Roles);
}
